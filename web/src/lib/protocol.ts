/** The chat protocol, version 1, as `chatbot/contracts/events.py` defines it. */
import type { DocumentVersionProgress, Source } from './api/types';

/** Epoch `n` of a turn begins at sequence number `n * EPOCH_STRIDE + 1`. */
export const EPOCH_STRIDE = 2 ** 20;

export type ClientFrame =
  | {
      type: 'ask';
      conversation: string;
      text: string;
      client_id: string;
      /** The answer that the question stands behind; `null`: none; absent: what is shown. */
      parent?: string | null;
    }
  | { type: 'subscribe'; turn: string; after?: number }
  | { type: 'unsubscribe'; turn: string }
  | { type: 'stop'; turn: string }
  | { type: 'continue'; turn: string }
  | { type: 'watch'; brain: string }
  | { type: 'unwatch'; brain: string }
  | { type: 'ping' };

export interface AskedFrame {
  type: 'asked';
  client_id: string;
  conversation: string;
  turn: string;
  question: string;
  answer: string;
}

/** A frame was refused; repeats what the frame named. */
export interface ErrorFrame {
  type: 'error';
  code: string;
  sentence: string;
  way_out: string;
  retry_after_seconds?: number;
  client_id?: string;
  turn?: string;
  brain?: string;
}

export interface DocumentChanged extends DocumentVersionProgress {
  type: 'document.changed';
  brain: string;
  document: string;
  title: string;
  next: DocumentVersionProgress | null;
  deleted: boolean;
}

/** A model has named one of the person's conversations. */
export interface ConversationTitled {
  type: 'conversation.titled';
  conversation: string;
  title: string;
}

interface Numbered {
  turn: string;
  seq: number;
}

export type TurnEvent = Numbered &
  (
    | { type: 'turn.queued'; position: number; estimated_wait_seconds: number | null }
    | {
        type: 'turn.started';
        conversation: string;
        question: string;
        answer: string;
        model: string;
      }
    | {
        type: 'sources';
        sources: Source[];
        /** What was searched for, where that is not the question as it was typed. */
        searched?: string;
      }
    | { type: 'token'; text: string }
    | { type: 'usage'; prompt_tokens: number; completion_tokens: number }
    | { type: 'turn.resumed'; epoch: number; text_length: number; text: string }
    | {
        type: 'turn.completed';
        finish_reason: string;
        ttft_ms: number | null;
        duration_ms: number | null;
      }
    | { type: 'turn.failed'; code: string; sentence: string; way_out: string }
    | { type: 'turn.stopped' }
  );

export type ServerFrame =
  | { type: 'ready'; protocol: number; user: string }
  | { type: 'pong' }
  | AskedFrame
  | ErrorFrame
  | DocumentChanged
  | ConversationTitled
  | TurnEvent;

export function isTurnEvent(frame: ServerFrame): frame is TurnEvent {
  return 'seq' in frame && 'turn' in frame;
}
