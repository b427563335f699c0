import type { Source, TurnState } from '@/lib/api/types';
import { EPOCH_STRIDE, type TurnEvent } from '@/lib/protocol';

/** An answer as far as this client has seen it. */
export interface LiveTurn {
  id: string;
  conversation: string;
  /** The last sequence number that was applied; 0 before the first. */
  seq: number;
  epoch: number;
  state: TurnState;
  text: string;
  model: string;
  /** What retrieval found; `null` until it has told. */
  sources: Source[] | null;
  queue: { position: number; waitSeconds: number | null } | null;
  promptTokens: number | null;
  completionTokens: number | null;
  finishReason: string;
  ttftMs: number | null;
  durationMs: number | null;
  error: { code: string; sentence: string; wayOut: string } | null;
}

export function newTurn(id: string, conversation: string): LiveTurn {
  return {
    id,
    conversation,
    seq: 0,
    epoch: 0,
    state: 'queued',
    text: '',
    model: '',
    sources: null,
    queue: null,
    promptTokens: null,
    completionTokens: null,
    finishReason: '',
    ttftMs: null,
    durationMs: null,
    error: null,
  };
}

export function isUnfinished(state: TurnState): boolean {
  return state === 'queued' || state === 'running';
}

export type Applied =
  | { outcome: 'applied'; turn: LiveTurn }
  /** Seen before: a replay after a reconnect. */
  | { outcome: 'known' }
  /** Something between is missing: subscribe again after `turn.seq`. */
  | { outcome: 'gap' };

/** Applies one event. Pure; the order of sequence numbers decides what counts. */
export function applyEvent(turn: LiveTurn, event: TurnEvent): Applied {
  if (event.seq <= turn.seq) return { outcome: 'known' };
  const epoch = Math.floor((event.seq - 1) / EPOCH_STRIDE);
  const opensEpoch = epoch > turn.epoch && event.seq === epoch * EPOCH_STRIDE + 1;
  const follows = event.seq === turn.seq + 1;
  // `turn.resumed` carries the whole text that stands, so nothing before it can be missing.
  if (!follows && !opensEpoch && event.type !== 'turn.resumed') return { outcome: 'gap' };
  return {
    outcome: 'applied',
    turn: { ...turn, ...changes(turn, event), seq: event.seq, epoch },
  };
}

function changes(turn: LiveTurn, event: TurnEvent): Partial<LiveTurn> {
  switch (event.type) {
    case 'turn.queued':
      return {
        state: 'queued',
        queue: { position: event.position, waitSeconds: event.estimated_wait_seconds },
      };
    case 'turn.started':
      return { state: 'running', model: event.model, queue: null, error: null };
    case 'sources':
      return { state: 'running', sources: event.sources, queue: null };
    case 'token':
      return { state: 'running', text: turn.text + event.text, queue: null };
    case 'usage':
      return { promptTokens: event.prompt_tokens, completionTokens: event.completion_tokens };
    case 'turn.resumed':
      return { state: 'running', text: event.text, queue: null, error: null, finishReason: '' };
    case 'turn.completed':
      return {
        state: 'completed',
        finishReason: event.finish_reason,
        ttftMs: event.ttft_ms,
        durationMs: event.duration_ms,
      };
    case 'turn.failed':
      return {
        state: 'failed',
        queue: null,
        error: { code: event.code, sentence: event.sentence, wayOut: event.way_out },
      };
    case 'turn.stopped':
      return { state: 'stopped', queue: null };
    default:
      // An event of a newer protocol: its number counts, its content is not for us.
      return {};
  }
}
