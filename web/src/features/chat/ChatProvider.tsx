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

import { withAsked } from './branches';
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
        onTitled: (frame) => readAgain(client, frame.conversation),
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
  const messages = client.getQueryData<Message[]>(key);
  const path = messages && withAsked(messages, frame, question);
  if (path) client.setQueryData<Message[]>(key, path);
  else void client.invalidateQueries({ queryKey: key });
  // The first question gives a conversation its title, and every question moves it up.
  readAgain(client, frame.conversation);
}

/** What lists and headers show of a conversation. */
function readAgain(client: QueryClient, conversation: string): void {
  void client.invalidateQueries({ queryKey: ['conversations', 'list'] });
  void client.invalidateQueries({ queryKey: keys.conversation(conversation), exact: true });
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
