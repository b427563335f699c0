import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ClientFrame, ServerFrame } from '@/lib/protocol';
import type { FrameChannel } from '@/lib/socket';

import { ChatHub, type HubEvents } from './hub';

class WireChannel implements FrameChannel {
  sent: ClientFrame[] = [];
  private up = true;
  private hear: ((frame: ServerFrame) => void) | undefined;
  private ready: (() => void) | undefined;

  send(frame: ClientFrame): boolean {
    if (this.up) this.sent.push(frame);
    return this.up;
  }

  isReady(): boolean {
    return this.up;
  }

  onFrame(listener: (frame: ServerFrame) => void): () => void {
    this.hear = listener;
    return vi.fn();
  }

  onReady(listener: () => void): () => void {
    this.ready = listener;
    return vi.fn();
  }

  receive(frame: ServerFrame): void {
    this.hear?.(frame);
  }

  cut(): void {
    this.up = false;
    this.sent = [];
  }

  mend(): void {
    this.up = true;
    this.ready?.();
  }
}

function start() {
  const channel = new WireChannel();
  const events = {
    onAsked: vi.fn(),
    onFinished: vi.fn(),
    onTitled: vi.fn(),
    onLost: vi.fn(),
  } satisfies HubEvents;
  const hub = new ChatHub(channel, events);
  hub.start();
  return { channel, events, hub };
}

function clientIdOf(frame: ClientFrame | undefined): string {
  return frame && 'client_id' in frame ? frame.client_id : '';
}

function asked(clientId: string): ServerFrame {
  return {
    type: 'asked',
    client_id: clientId,
    conversation: 'c',
    turn: 't',
    question: 'q',
    answer: 'a',
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('ChatHub', () => {
  it('asks once more after a reconnect, under the same id, until the question is stored', () => {
    const { channel, hub } = start();
    hub.ask('c', 'why?');
    const first = channel.sent[0];
    channel.cut();

    channel.mend();

    expect(channel.sent).toEqual([first]);
    channel.receive(asked(clientIdOf(first)));
    channel.cut();
    channel.mend();
    expect(channel.sent).toEqual([{ type: 'subscribe', turn: 't', after: 0 }]);
    expect(hub.getPending()).toEqual([]);
  });

  it('keeps a question that was asked without a connection', () => {
    const { channel, hub } = start();
    channel.cut();
    hub.ask('c', 'why?');

    channel.mend();

    expect(channel.sent).toMatchObject([{ type: 'ask', text: 'why?' }]);
  });

  it('subscribes after the last number it has seen', () => {
    const { channel, hub } = start();
    hub.follow('t', 'c');
    channel.receive({ type: 'token', turn: 't', seq: 1, text: 'a' });
    channel.receive({ type: 'token', turn: 't', seq: 2, text: 'b' });
    channel.cut();

    channel.mend();

    expect(channel.sent).toEqual([{ type: 'subscribe', turn: 't', after: 2 }]);
  });

  it('asks for what is missing once, however much arrives out of order', () => {
    const { channel, hub } = start();
    hub.follow('t', 'c');
    channel.sent = [];
    channel.receive({ type: 'token', turn: 't', seq: 1, text: 'a' });

    channel.receive({ type: 'token', turn: 't', seq: 4, text: 'd' });
    channel.receive({ type: 'token', turn: 't', seq: 5, text: 'e' });

    expect(channel.sent).toEqual([{ type: 'subscribe', turn: 't', after: 1 }]);
  });

  it('gives a stream up that stays broken', () => {
    const { channel, events, hub } = start();
    hub.follow('t', 'c');

    for (let seq = 5; seq < 9; seq += 1) {
      channel.receive({ type: 'token', turn: 't', seq, text: 'x' });
      vi.advanceTimersByTime(1000);
    }

    expect(events.onLost).toHaveBeenCalledOnce();
    expect(hub.getTurn('t')).toBeUndefined();
  });

  it('leaves a refused question to the person', () => {
    const { channel, hub } = start();
    hub.ask('c', 'why?');
    const clientId = clientIdOf(channel.sent[0]);
    channel.receive({
      type: 'error',
      code: 'limit-reached',
      sentence: 'Too many.',
      way_out: 'Wait.',
      client_id: clientId,
    });
    channel.cut();

    channel.mend();

    expect(channel.sent).toEqual([]);
    expect(hub.getPending()).toMatchObject([{ refusal: { code: 'limit-reached' } }]);
    hub.askAgain(clientId);
    expect(channel.sent).toMatchObject([{ type: 'ask', client_id: clientId }]);
  });

  it('tells that a conversation has a title, whoever follows it', () => {
    const { channel, events } = start();
    const frame: ServerFrame = { type: 'conversation.titled', conversation: 'c', title: '뇌간' };

    channel.receive(frame);

    expect(events.onTitled).toHaveBeenCalledExactlyOnceWith(frame);
  });

  it('tells once that an answer has ended', () => {
    const { channel, events, hub } = start();
    hub.follow('t', 'c');
    const end: ServerFrame = {
      type: 'turn.completed',
      turn: 't',
      seq: 1,
      finish_reason: 'stop',
      ttft_ms: 10,
      duration_ms: 20,
    };

    channel.receive(end);
    channel.receive(end);

    expect(events.onFinished).toHaveBeenCalledOnce();
  });
});
