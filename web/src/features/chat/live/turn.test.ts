import { describe, expect, it } from 'vitest';

import { EPOCH_STRIDE, type TurnEvent } from '@/lib/protocol';

import { type Applied, applyEvent, type LiveTurn, newTurn } from './turn';

const TURN = 'turn-1';

function token(seq: number, text: string): TurnEvent {
  return { type: 'token', turn: TURN, seq, text };
}

function resumed(epoch: number, text: string): TurnEvent {
  const seq = epoch * EPOCH_STRIDE + 1;
  return { type: 'turn.resumed', turn: TURN, seq, epoch, text, text_length: text.length };
}

function play(...events: TurnEvent[]): LiveTurn {
  return events.reduce((turn, event) => {
    const applied = applyEvent(turn, event);
    return applied.outcome === 'applied' ? applied.turn : turn;
  }, newTurn(TURN, 'conversation-1'));
}

function outcomeAfter(turn: LiveTurn, event: TurnEvent): Applied['outcome'] {
  return applyEvent(turn, event).outcome;
}

describe('applyEvent', () => {
  it('appends tokens in order', () => {
    expect(play(token(1, '안녕'), token(2, '하세요'))).toMatchObject({
      text: '안녕하세요',
      seq: 2,
      state: 'running',
    });
  });

  it('passes over what a replay repeats', () => {
    const turn = play(token(1, 'a'), token(2, 'b'));

    expect(outcomeAfter(turn, token(2, 'b'))).toBe('known');
  });

  it('notices a gap and leaves the turn as it was', () => {
    const turn = play(token(1, 'a'));

    expect(outcomeAfter(turn, token(3, 'c'))).toBe('gap');
  });

  it('replaces its text by what stands when an answer was taken over', () => {
    const turn = play(token(1, 'one '), token(2, 'two '), token(3, 'lost'), resumed(1, 'one two '));

    expect(turn).toMatchObject({ text: 'one two ', epoch: 1, seq: EPOCH_STRIDE + 1 });
  });

  it('goes on in the new epoch', () => {
    const turn = play(token(1, 'a'), resumed(1, 'a'), token(EPOCH_STRIDE + 2, 'b'));

    expect(turn.text).toBe('ab');
  });

  it('ignores what the old owner says after it was replaced', () => {
    const turn = play(token(1, 'a'), resumed(1, 'a'));

    expect(outcomeAfter(turn, token(2, 'ghost'))).toBe('known');
  });

  it('begins in the middle only with the whole text', () => {
    const fresh = newTurn(TURN, 'conversation-1');

    expect(outcomeAfter(fresh, token(7, 'x'))).toBe('gap');
    expect(outcomeAfter(fresh, resumed(3, 'all of it'))).toBe('applied');
  });

  it('shows the place in the queue until something comes', () => {
    const queued = { position: 3, estimated_wait_seconds: 4.2, turn: TURN, seq: 1 };
    const waiting = play({ type: 'turn.queued', ...queued });

    expect(waiting.queue).toEqual({ position: 3, waitSeconds: 4.2 });
    expect(play({ type: 'turn.queued', ...queued }, token(2, 'a')).queue).toBeNull();
  });

  it('keeps the text of an answer that fails, and says why', () => {
    const turn = play(token(1, 'half'), {
      type: 'turn.failed',
      turn: TURN,
      seq: 2,
      code: 'unavailable',
      sentence: 'The server is away.',
      way_out: 'Continue.',
    });

    expect(turn).toMatchObject({ state: 'failed', text: 'half', error: { code: 'unavailable' } });
  });

  it('opens a stopped answer again when it is continued', () => {
    const stopped = play(token(1, 'half'), { type: 'turn.stopped', turn: TURN, seq: 2 });
    const applied = applyEvent(stopped, resumed(1, 'half'));

    expect(stopped.state).toBe('stopped');
    expect(applied).toMatchObject({ outcome: 'applied', turn: { state: 'running' } });
  });

  it('counts events that it does not know', () => {
    const unknown = { type: 'turn.mood', turn: TURN, seq: 2 } as unknown as TurnEvent;

    expect(play(token(1, 'a'), unknown, token(3, 'b')).text).toBe('ab');
  });
});
