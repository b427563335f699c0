import { Group, Progress, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopyCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';

export type ResultKind = 'open' | 'done' | 'there' | 'failed';

interface ResultRowProps {
  kind: ResultKind;
  /** For whoever looks for rows of a state. */
  state: string;
  name: string;
  text: string;
  /** In percent; `null`: nothing to show. */
  progress?: number | null;
  children?: ReactNode;
}

/** One line of a list of what was added: what it is, what became of it, what can be done. */
export function ResultRow({ kind, state, name, text, progress = null, children }: ResultRowProps) {
  return (
    <Group component="li" gap="sm" wrap="nowrap" data-upload={state}>
      <ResultIcon kind={kind} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <Text size="sm" truncate title={name}>
          {name}
        </Text>
        <Text size="xs" c={kind === 'failed' ? 'var(--mantine-color-error)' : 'dimmed'}>
          {text}
        </Text>
        {progress !== null && <Progress value={progress} size="xs" mt={3} aria-label={name} />}
      </div>
      {children}
    </Group>
  );
}

function ResultIcon({ kind }: { kind: ResultKind }) {
  const style = { flex: 'none' };
  if (kind === 'done') {
    return <IconCheck size={18} color="var(--mantine-color-teal-6)" style={style} aria-hidden />;
  }
  if (kind === 'there') return <IconCopyCheck size={18} style={style} aria-hidden />;
  if (kind === 'failed') {
    return (
      <IconAlertTriangle
        size={18}
        color="var(--mantine-color-error)"
        style={style}
        aria-hidden
      />
    );
  }
  return <span style={{ ...style, width: 18 }} />;
}
