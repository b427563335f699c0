import type { Message, Source, TurnState } from '@/lib/api/types';

import { isUnfinished, type LiveTurn } from './live/turn';

/** An answer as it is shown: what is stored, or what the stream has told since. */
export interface ShownAnswer {
  turnId: string | undefined;
  state: TurnState;
  text: string;
  /** `null`: not known yet. */
  sources: Source[] | null;
  queue: LiveTurn['queue'];
  error: { code: string; sentence: string; wayOut: string } | null;
  model: string;
  finishReason: string;
  promptTokens: number | null;
  completionTokens: number | null;
  cost: string | null;
  ttftMs: number | null;
  durationMs: number | null;
}

export function shownAnswer(message: Message, live: LiveTurn | undefined): ShownAnswer {
  return live && isNewer(live, message) ? fromLive(message, live) : fromStored(message);
}

/** Whether the stream knows more than the stored message. */
export function isNewer(live: LiveTurn, message: Message): boolean {
  const stored = message.turn;
  if (stored === null || isUnfinished(live.state)) return true;
  return isUnfinished(stored.state) || stored.epoch < live.epoch;
}

function fromLive(message: Message, live: LiveTurn): ShownAnswer {
  // A replay from the beginning must not make a text shorter that is already there.
  const isAhead =
    live.epoch > (message.turn?.epoch ?? 0) || live.text.length >= message.text.length;
  return {
    turnId: live.id,
    state: live.state,
    text: isAhead ? live.text : message.text,
    sources: live.sources ?? (message.citations.length > 0 ? message.citations : null),
    queue: live.queue,
    error: live.error,
    model: live.model || message.model_name,
    finishReason: live.finishReason,
    promptTokens: live.promptTokens,
    completionTokens: live.completionTokens,
    cost: null,
    ttftMs: live.ttftMs,
    durationMs: live.durationMs,
  };
}

function fromStored(message: Message): ShownAnswer {
  const { turn } = message;
  const state = turn?.state ?? 'completed';
  const isKnown = !isUnfinished(state) || message.citations.length > 0;
  return {
    turnId: turn?.id,
    state,
    text: message.text,
    sources: isKnown ? message.citations : null,
    queue: null,
    error: turn?.error
      ? {
          code: turn.error.code,
          sentence: turn.error.sentence,
          wayOut: turn.error.way_out ?? '',
        }
      : null,
    model: message.model_name,
    finishReason: message.finish_reason,
    promptTokens: message.prompt_tokens,
    completionTokens: message.completion_tokens,
    cost: message.cost,
    ttftMs: message.ttft_ms,
    durationMs: message.duration_ms,
  };
}
