import { Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { describeProblem } from '@/lib/problem-text';
import { useSocketState } from '@/lib/socket-context';

import type { PendingQuestion } from './live/hub';
import { useHub } from './live/hub-context';
import classes from './Message.module.css';

interface PendingMessageProps {
  question: PendingQuestion;
  onEdit: (text: string) => void;
}

/** A question on its way to the server, or refused by it. */
export function PendingMessage({ question, onEdit }: PendingMessageProps) {
  const { t } = useTranslation();
  const hub = useHub();
  const { status } = useSocketState();
  const { clientId, text, refusal } = question;
  const edit = () => {
    hub.discard(clientId);
    onEdit(text);
  };
  return (
    <Stack gap={6} align="flex-end">
      <article className={classes.question} aria-label={t('chat.you')} data-pending>
        {text}
      </article>
      {refusal === null ? (
        <Text size="xs" c="dimmed" role="status">
          {status === 'ready' ? t('chat.pending') : t('chat.pendingOffline')}
        </Text>
      ) : (
        <Refusal refusal={refusal} />
      )}
      {(refusal !== null || status !== 'ready') && (
        <Group gap="xs">
          {refusal !== null && (
            <Button size="compact-sm" variant="light" onClick={() => hub.askAgain(clientId)}>
              {t('chat.sendAgain')}
            </Button>
          )}
          {question.parent === undefined && (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={edit}>
              {t('chat.edit')}
            </Button>
          )}
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            onClick={() => hub.discard(clientId)}
          >
            {t('chat.discard')}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Refusal({ refusal }: { refusal: NonNullable<PendingQuestion['refusal']> }) {
  const { t } = useTranslation();
  const { sentence, wayOut } = describeProblem({
    code: refusal.code,
    detail: refusal.sentence,
    wayOut: refusal.way_out,
    retryAfterSeconds: refusal.retry_after_seconds,
  });
  return (
    <Text size="sm" c="var(--mantine-color-error)" role="alert" ta="end">
      {t('chat.notSent')}: {sentence} {wayOut}
    </Text>
  );
}
