import { ActionIcon, Alert, Button, Group, Loader, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconPlayerPlay, IconRefresh, IconSearchOff } from '@tabler/icons-react';
import { memo, useCallback, useDeferredValue, useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import { CopyAction } from '@/components/CopyAction';
import { Markdown } from '@/components/markdown/Markdown';
import type { Message } from '@/lib/api/types';
import { useOpenDocument } from '@/lib/open-document';
import { describeProblem } from '@/lib/problem-text';

import { isNewer, shownAnswer, type ShownAnswer } from './answer';
import { AnswerDetails } from './AnswerDetails';
import { useHub, useLiveTurn } from './live/hub-context';
import { isUnfinished } from './live/turn';
import classes from './Message.module.css';
import { MessageSiblings } from './MessageSiblings';
import { useRegenerate } from './regenerate';
import { SourceCards } from './SourceCards';
import { useContinueTurn } from './stop';

interface MessageAnswerProps {
  message: Message;
  conversation: string;
  hasBrain: boolean;
  /** Only the last answer can be continued: what follows stands on the others as they are. */
  isLast: boolean;
}

export const MessageAnswer = memo(function MessageAnswer(props: MessageAnswerProps) {
  const { message, conversation, hasBrain, isLast } = props;
  const { t } = useTranslation();
  const hub = useHub();
  const live = useLiveTurn(message.turn?.id);
  const answer = shownAnswer(message, live);
  const isDone = !isUnfinished(answer.state);

  useEffect(() => {
    if (live && !isNewer(live, message)) hub.forget(live.id);
  }, [hub, live, message]);

  return (
    <article className={classes.answer} aria-label={t('chat.answer')} aria-busy={!isDone}>
      <AnswerText answer={answer} />
      {!isDone && <AnswerProgress answer={answer} hasBrain={hasBrain} />}
      <AnswerEnd answer={answer} conversation={conversation} isLast={isLast} />
      {hasBrain && answer.sources?.length === 0 && answer.text !== '' && (
        <Group gap={8} wrap="nowrap" className={classes.nothing}>
          <IconSearchOff size={18} aria-hidden style={{ flex: 'none' }} />
          <Text size="sm">
            {t(answer.finishReason === 'nothing-found' ? 'chat.nothingFoundWayOut' : 'chat.nothingFound')}
          </Text>
        </Group>
      )}
      {answer.sources !== null && answer.sources.length > 0 && (
        <SourceCards sources={answer.sources} text={answer.text} />
      )}
      {isDone && (
        <Group gap={2} ml={-6} mt={2}>
          {answer.text !== '' && (
            <>
              <CopyAction text={answer.text} label={t('chat.copyAnswer')} />
              <AnswerDetails answer={answer} askedAt={message.created_at} />
            </>
          )}
          {answer.turnId !== undefined && <AnswerAgain turnId={answer.turnId} />}
          <MessageSiblings message={message} conversation={conversation} />
        </Group>
      )}
    </article>
  );
});

function AnswerAgain({ turnId }: { turnId: string }) {
  const { t } = useTranslation();
  const { regenerate, isPending } = useRegenerate();
  return (
    <Tooltip label={t('chat.regenerate')}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={t('chat.regenerate')}
        loading={isPending}
        onClick={() => regenerate(turnId)}
      >
        <IconRefresh size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

/** Markdown with markers that open the cited page. Parsed when there is time: typing stays fluent. */
function AnswerText({ answer }: { answer: ShownAnswer }) {
  const { t } = useTranslation();
  const { open } = useOpenDocument();
  const text = useDeferredValue(answer.text);
  const { sources } = answer;
  const ordinals = useMemo(() => sources?.map(({ ordinal }) => ordinal) ?? [], [sources]);

  const openSource = useCallback(
    (ordinal: number) => {
      const source = sources?.find((each) => each.ordinal === ordinal);
      if (!source) return;
      const { document, page_from: page, start, end } = source;
      open({ document, page, passage: { page, start, end } });
    },
    [sources, open],
  );
  const labelOfSource = useCallback(
    (ordinal: number) => {
      const source = sources?.find((each) => each.ordinal === ordinal);
      return t('chat.openSource', {
        number: ordinal,
        title: source?.title ?? '',
        page: source?.page_from ?? '',
      });
    },
    [sources, t],
  );

  if (text === '') return null;
  return (
    <Markdown
      text={text}
      sources={ordinals}
      onSource={openSource}
      labelOfSource={labelOfSource}
    />
  );
}

function AnswerProgress({ answer, hasBrain }: { answer: ShownAnswer; hasBrain: boolean }) {
  const { t } = useTranslation();
  if (answer.text !== '') return <span className={classes.caret} aria-hidden />;
  return (
    <Group gap={10} role="status" c="dimmed">
      <Loader size="xs" type="dots" aria-hidden />
      <Text size="sm">{progressText()}</Text>
    </Group>
  );

  function progressText(): string {
    const { queue } = answer;
    if (queue) {
      const place =
        queue.position > 0
          ? t('chat.queuedPosition', { position: queue.position })
          : t('chat.queued');
      const wait = queue.waitSeconds
        ? `, ${t('chat.queuedWait', { seconds: Math.ceil(queue.waitSeconds) })}`
        : '';
      return `${place}${wait}`;
    }
    return hasBrain && answer.sources === null ? t('chat.thinking') : t('chat.thinkingPlain');
  }
}

interface AnswerEndProps {
  answer: ShownAnswer;
  conversation: string;
  isLast: boolean;
}

/** Why an answer ended early, and the way on. */
function AnswerEnd({ answer, conversation, isLast }: AnswerEndProps) {
  const { t } = useTranslation();
  const { continueTurn, isPending } = useContinueTurn(conversation);
  const { turnId, state } = answer;
  const isCutOff = state === 'completed' && answer.finishReason === 'length';
  const next = turnId !== undefined && isLast && (
    <Button
      size="compact-sm"
      variant="light"
      leftSection={<IconPlayerPlay size={14} />}
      loading={isPending}
      onClick={() => continueTurn(turnId)}
    >
      {t('chat.continue')}
    </Button>
  );
  if (state === 'failed') {
    const { sentence, wayOut } = describeProblem({
      code: answer.error?.code ?? '',
      detail: answer.error?.sentence ?? t('chat.failed'),
      wayOut: answer.error?.wayOut ?? '',
    });
    return (
      <Alert
        color="red"
        variant="light"
        p="sm"
        icon={<IconAlertTriangle aria-hidden />}
        title={t('chat.failed')}
        role="alert"
      >
        <Text size="sm" mb="xs">
          {sentence} {wayOut}
        </Text>
        {next}
      </Alert>
    );
  }
  if (state === 'stopped' || isCutOff) {
    return (
      <Group gap="sm">
        <Text size="sm" c="dimmed">
          {t(isCutOff ? 'chat.cutOff' : 'chat.stopped')}
        </Text>
        {next}
      </Group>
    );
  }
  if (state === 'completed' && answer.text.trim() === '') {
    return (
      <Text size="sm" c="dimmed">
        {t('chat.empty')}
      </Text>
    );
  }
  return null;
}
