import { Box, Button, Center, Container, Loader, Stack } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconArrowDown, IconMessageCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { EmptyState } from '@/components/EmptyState';
import { ErrorNotice } from '@/components/ErrorNotice';
import type { Message } from '@/lib/api/types';
import { useSocketState } from '@/lib/socket-context';

import { conversationQuery, messagesQuery } from './api';
import { pathUpTo } from './branches';
import { Composer, type ComposerHandle } from './Composer';
import { ConnectionBanner } from './ConnectionBanner';
import { ConversationHeader } from './ConversationHeader';
import classes from './ConversationPage.module.css';
import { useHub, useLiveTurn, usePending } from './live/hub-context';
import { isUnfinished } from './live/turn';
import { MessageAnswer } from './MessageAnswer';
import { MessageQuestion } from './MessageQuestion';
import { PendingMessage } from './PendingMessage';
import { useStickyScroll } from './sticky-scroll';

const POLL_MS = 3_000;

export function ConversationPage({ conversationId }: { conversationId: string }) {
  const { t } = useTranslation();
  const conversation = useQuery(conversationQuery(conversationId));
  const messages = useMessages(conversationId);
  const pending = usePending(conversationId);
  const composer = useRef<ComposerHandle>(null);
  const { viewport, content, isAway, toEnd } = useStickyScroll();
  const hub = useHub();
  const title = conversation.data?.title ?? '';
  useDocumentTitle(`${title === '' ? t('chat.untitled') : title} · Brainstem`);

  const changed = pending.find(({ parent }) => parent !== undefined);
  const path = messages.data && pathUpTo(messages.data, changed?.parent);
  const running = path?.at(-1)?.turn;
  const live = useLiveTurn(running?.id);
  const state = live?.state ?? running?.state;
  const isAnswering = state !== undefined && isUnfinished(state);

  if (conversation.isError) {
    return (
      <Container size="sm" py="xl">
        <ErrorNotice error={conversation.error} onRetry={() => void conversation.refetch()} />
        <Button component={Link} to="/chat" variant="subtle" mt="md">
          {t('nav.newConversation')}
        </Button>
      </Container>
    );
  }
  const brain = conversation.data?.brain ?? null;
  return (
    <div className={classes.page}>
      <ConversationHeader conversation={conversation.data} />
      <div className={classes.viewport} ref={viewport}>
        <div ref={content} className={classes.content}>
          {messages.isPending && (
            <Center py="xl">
              <Loader aria-label={t('app.loading')} />
            </Center>
          )}
          {messages.isError && (
            <ErrorNotice error={messages.error} onRetry={() => void messages.refetch()} />
          )}
          {path?.length === 0 && pending.length === 0 && (
            <EmptyState
              icon={<IconMessageCircle size={28} />}
              title={t('chat.emptyConversation')}
            />
          )}
          <Stack component="section" gap="xl" aria-label={t('chat.messages')}>
            {path?.map((message, index, all) =>
              // By the place, not by the id: the focus stays while somebody goes through versions.
              message.role === 'user' ? (
                <MessageQuestion
                  key={message.parent ?? ''}
                  message={message}
                  conversation={conversationId}
                  canChange={!isAnswering && pending.length === 0}
                  onChange={(text) => {
                    hub.ask(conversationId, text, message.parent);
                    toEnd();
                  }}
                />
              ) : (
                <MessageAnswer
                  key={message.parent ?? ''}
                  message={message}
                  conversation={conversationId}
                  hasBrain={brain !== null}
                  isLast={index === all.length - 1 && pending.length === 0}
                />
              ),
            )}
            {pending.map((question) => (
              <PendingMessage
                key={question.clientId}
                question={question}
                onEdit={(text) => composer.current?.write(text)}
              />
            ))}
          </Stack>
        </div>
      </div>
      <p className="visually-hidden" role="status">
        {state !== undefined && t(isAnswering ? 'chat.writing' : 'chat.written')}
      </p>
      <div className={classes.foot}>
        {isAway && (
          <Box className={classes.toEnd}>
            <Button
              size="compact-sm"
              variant="default"
              radius="xl"
              leftSection={<IconArrowDown size={14} />}
              onClick={toEnd}
            >
              {t('chat.toLatest')}
            </Button>
          </Box>
        )}
        <ConnectionBanner />
        <Composer
          ref={composer}
          draftKey={conversationId}
          placeholder={
            brain ? t('chat.placeholderBrain', { brain: brain.name }) : t('chat.placeholder')
          }
          isAnswering={isAnswering}
          onAsk={(text) => {
            hub.ask(conversationId, text);
            toEnd();
          }}
          turnId={running?.id}
        />
      </div>
    </div>
  );
}

/** The stored messages; answers under way are followed, or asked for where they can't be. */
function useMessages(conversationId: string) {
  const hub = useHub();
  const { status } = useSocketState();
  const messages = useQuery({
    ...messagesQuery(conversationId),
    refetchInterval: ({ state: { data } }) => {
      const turn = unfinishedTurn(data);
      if (!turn) return false;
      return status === 'ready' && hub.getTurn(turn) ? false : POLL_MS;
    },
  });
  const turn = unfinishedTurn(messages.data);
  const { dataUpdatedAt } = messages;

  useEffect(() => {
    if (turn) hub.follow(turn, conversationId);
  }, [hub, turn, conversationId, dataUpdatedAt]);

  return messages;
}

function unfinishedTurn(messages: Message[] | undefined): string | undefined {
  return messages?.find(({ turn }) => turn !== null && isUnfinished(turn.state))?.turn?.id;
}
