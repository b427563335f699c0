import type { Message } from '@/lib/api/types';
import type { AskedFrame } from '@/lib/protocol';

import type { PendingQuestion } from './live/hub';

/** The part of the path that stays when a question is asked behind `parent`; all without one. */
export function pathUpTo(messages: Message[], parent: string | null | undefined): Message[] {
  if (parent === undefined) return messages;
  if (parent === null) return [];
  const index = messages.findIndex(({ id }) => id === parent);
  return index < 0 ? messages : messages.slice(0, index + 1);
}

/**
 * The path as the server shows it from now on: with the question and its empty answer, or, without a
 * question, with another answer to one that is there. `null`: it has to be read again.
 */
export function withAsked(
  messages: Message[],
  frame: AskedFrame,
  question: PendingQuestion | null,
): Message[] | null {
  if (messages.some(({ id }) => id === frame.answer)) return messages;
  if (question !== null) {
    const path = pathUpTo(messages, question.parent);
    const asked: Message = {
      ...blankMessage(frame.question, path),
      role: 'user',
      text: question.text,
      siblings: [...besides(messages, path), frame.question],
    };
    return [...path, asked, blankAnswer(frame, [...path, asked], [])];
  }
  const index = messages.findIndex(({ id }) => id === frame.question);
  if (index < 0) return null;
  const path = messages.slice(0, index + 1);
  return [...path, blankAnswer(frame, path, besides(messages, path))];
}

/** What stands where the path goes on differently from now on. */
function besides(messages: Message[], path: Message[]): string[] {
  return messages[path.length]?.siblings ?? [];
}

function blankAnswer(frame: AskedFrame, path: Message[], siblings: string[]): Message {
  return {
    ...blankMessage(frame.answer, path),
    siblings: [...siblings, frame.answer],
    turn: { id: frame.turn, state: 'queued', epoch: 0, seq: 0, error: null },
  };
}

function blankMessage(id: string, path: Message[]): Message {
  const parent = path.at(-1);
  return {
    id,
    parent: parent?.id ?? null,
    siblings: [],
    ordinal: (parent?.ordinal ?? 0) + 1,
    role: 'assistant',
    text: '',
    created_at: new Date().toISOString(),
    model_name: '',
    finish_reason: '',
    prompt_tokens: null,
    completion_tokens: null,
    cost: null,
    ttft_ms: null,
    duration_ms: null,
    turn: null,
    citations: [],
  };
}
