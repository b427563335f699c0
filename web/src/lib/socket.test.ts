import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ChatSocket } from './socket';

class WireSocket extends EventTarget {
  static last: WireSocket;
  readonly send = vi.fn();
  readonly close = vi.fn();

  constructor() {
    super();
    WireSocket.last = this;
  }

  receive(type: string): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ type }) }));
  }
}

function connected(): ChatSocket {
  const socket = new ChatSocket('ws://localhost/ws/chat');
  socket.start();
  WireSocket.last.receive('ready');
  return socket;
}

describe('ChatSocket', () => {
  const page = Object.assign(new EventTarget(), {
    setTimeout: (react: () => void, delay: number) => setTimeout(react, delay),
    setInterval: (react: () => void, delay: number) => setInterval(react, delay),
    clearTimeout: (timer: number) => clearTimeout(timer),
    clearInterval: (timer: number) => clearInterval(timer),
  });

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('window', page);
    vi.stubGlobal('document', new EventTarget());
    vi.stubGlobal('WebSocket', WireSocket);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('is lost soon after the network went, when the server is silent', () => {
    const socket = connected();

    page.dispatchEvent(new Event('offline'));
    vi.advanceTimersByTime(3_000);

    expect(socket.getState().status).toBe('waiting');
    socket.stop();
  });

  it('stays when the server answers without a network, as one on the same machine does', () => {
    const socket = connected();

    page.dispatchEvent(new Event('offline'));
    WireSocket.last.receive('pong');
    vi.advanceTimersByTime(3_000);

    expect(socket.getState().status).toBe('ready');
    socket.stop();
  });

  it('connects at once when the network is back', () => {
    const socket = connected();
    page.dispatchEvent(new Event('offline'));
    vi.advanceTimersByTime(3_000);

    page.dispatchEvent(new Event('online'));

    expect(socket.getState().status).toBe('connecting');
    socket.stop();
  });
});
