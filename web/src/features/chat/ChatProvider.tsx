import { Anchor } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import i18next from 'i18next';
import { type ReactNode, useEffect, useState } from 'react';
import { useNavigate } from 'react-router';

import { noticeError } from '@/components/notices';
import { keys } from '@/lib/api/keys';
import type { Conversation, Message } from '@/lib/api/types';
import { ProblemError } from '@/lib/problem';
import type { AskedFrame } from '@/lib/protocol';
import { useSocket } from '@/lib/socket-context';

import { HubContext } from './live/hub-context';
import { ChatHub, type PendingQuestion } from './live/hub';
import type { LiveTurn } from './live/turn';

/** Holds the answers under way for all pages, and keeps what is stored in step with them. */
export function ChatProvider({ children }: { children: ReactNode }) {
  const socket = useSocket();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [hub] = useState(
    () =>
      new ChatHub(socket, {
        onAsked: (frame, question) => storeAsked(client, frame, question),
        onFinished: (turn) => {
          void client.invalidateQueries({ queryKey: keys.conversations });
          tellIfElsewhere(client, turn, (path) => void navigate(path));
        },
        onLost: (turn, refusal) => {
          void client.invalidateQueries({ queryKey: keys.messages(turn.conversation) });
          if (refusal && refusal.code !== 'not-found') {
            noticeError(
              new ProblemError({
                status: 0,
                code: refusal.code,
                detail: refusal.sentence,
                wayOut: refusal.way_out,
                fields: {},
                retryAfterSeconds: refusal.retry_after_seconds ?? null,
              }),
            );
          }
        },
      }),
  );

  useEffect(() => hub.start(), [hub]);

  return <HubContext value={hub}>{children}</HubContext>;
}

/** Puts the stored question and its empty answer into the conversation, as the server now has them. */
function storeAsked(
  client: QueryClient,
  frame: AskedFrame,
  question: PendingQuestion | null,
): void {
  const key = keys.messages(frame.conversation);
  void client.cancelQueries({ queryKey: key });
  client.setQueryData<Message[]>(key, (messages) => {
    if (!messages || question === null || messages.some(({ id }) => id === frame.answer)) {
      return messages;
    }
    const ordinal = (messages.at(-1)?.ordinal ?? 0) + 1;
    return [
      ...messages,
      { ...blankMessage(frame.question, ordinal), role: 'user', text: question.text },
      {
        ...blankMessage(frame.answer, ordinal + 1),
        turn: { id: frame.turn, state: 'queued', epoch: 0, seq: 0, error: null },
      },
    ];
  });
  // The first question gives a conversation its title, and every question moves it up.
  void client.invalidateQueries({ queryKey: ['conversations', 'list'] });
  void client.invalidateQueries({ queryKey: keys.conversation(frame.conversation), exact: true });
}

function blankMessage(id: string, ordinal: number): Message {
  return {
    id,
    ordinal,
    role: 'assistant',
    text: '',
    created_at: new Date().toISOString(),
    model_name: '',
    finish_reason: '',
    prompt_tokens: null,
    completion_tokens: null,
    ttft_ms: null,
    duration_ms: null,
    turn: null,
    citations: [],
  };
}

function tellIfElsewhere(
  client: QueryClient,
  turn: LiveTurn,
  go: (path: string) => void,
): void {
  const path = `/chat/${turn.conversation}`;
  if (turn.state === 'stopped' || window.location.pathname === path) return;
  const title = client.getQueryData<Conversation>(keys.conversation(turn.conversation))?.title ?? '';
  const id = `turn-${turn.id}`;
  const hasFailed = turn.state === 'failed';
  notifications.show({
    id,
    color: hasFailed ? 'red' : 'teal',
    title: i18next.t(hasFailed ? 'chat.failedElsewhere' : 'chat.finishedElsewhere'),
    message: (
      <Anchor
        component="button"
        type="button"
        size="sm"
        onClick={() => {
          notifications.hide(id);
          go(path);
        }}
      >
        {title === '' ? i18next.t('chat.openConversation') : title}
      </Anchor>
    ),
  });
}
