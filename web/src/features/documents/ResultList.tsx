import { Button, Card, Group, ScrollArea, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

const SHOWN_HEIGHT = 260;
/** A folder may hold thousands; what is of interest stands first. */
const SHOWN_ROWS = 200;

interface ResultListProps {
  label: string;
  summary: string;
  /** The most interesting first. */
  rows: readonly ReactNode[];
  /** Absent: nothing could be tried again. */
  onRetry?: (() => void) | undefined;
  isRetrying?: boolean;
  /** Absent: nothing is finished. */
  onClear?: (() => void) | undefined;
}

/** What became of all that was added together. */
export function ResultList(props: ResultListProps) {
  const { t } = useTranslation();
  const { label, summary, rows, onRetry, isRetrying = false, onClear } = props;
  const hidden = rows.length - SHOWN_ROWS;
  return (
    <Card withBorder padding="sm" component="section" aria-label={label}>
      <Group justify="space-between" mb={6}>
        <Text size="sm" fw={600} role="status">
          {summary}
        </Text>
        <Group gap="xs">
          {onRetry && (
            <Button size="compact-xs" variant="light" loading={isRetrying} onClick={onRetry}>
              {t('documents.retryFailed')}
            </Button>
          )}
          {onClear && (
            <Button size="compact-xs" variant="subtle" onClick={onClear}>
              {t('documents.uploadsClear')}
            </Button>
          )}
        </Group>
      </Group>
      {/* Reached by the keyboard, so that it can be scrolled with it. */}
      <ScrollArea.Autosize mah={SHOWN_HEIGHT} viewportProps={{ tabIndex: 0, 'aria-label': label }}>
        <Stack component="ul" gap={6} m={0} p={0} style={{ listStyle: 'none' }}>
          {rows.slice(0, SHOWN_ROWS)}
          {hidden > 0 && (
            <Text component="li" size="xs" c="dimmed">
              {t('documents.uploadsMore', { count: hidden })}
            </Text>
          )}
        </Stack>
      </ScrollArea.Autosize>
    </Card>
  );
}
