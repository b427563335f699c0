import type { ClientFrame, ServerFrame } from './protocol';

export type SocketStatus = 'off' | 'connecting' | 'ready' | 'waiting';

export interface SocketState {
  status: SocketStatus;
  /** When the next try begins, in milliseconds since the epoch; only while `waiting`. */
  retryAt: number | null;
}

type FrameListener = (frame: ServerFrame) => void;

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
const READY_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 25_000;
const PONG_TIMEOUT_MS = 10_000;
/** Where the browser has said that the network changed. */
const PROBE_TIMEOUT_MS = 3_000;

/** The way to the chat service, as the rest of the UI needs it. */
export interface FrameChannel {
  send(frame: ClientFrame): boolean;
  isReady(): boolean;
  onFrame(listener: FrameListener): () => void;
  onReady(listener: () => void): () => void;
}

/**
 * The one WebSocket of the UI. It connects again for as long as somebody is signed in, with growing
 * pauses, and at once when the network or the tab comes back. Nothing is queued here: who has something
 * to say says it again in `onReady`.
 */
export class ChatSocket implements FrameChannel {
  private readonly url: string;
  private socket: WebSocket | null = null;
  private state: SocketState = { status: 'off', retryAt: null };
  private failures = 0;
  private retryTimer: number | undefined;
  private readyTimer: number | undefined;
  private pingTimer: number | undefined;
  private pongTimer: number | undefined;
  private readonly frameListeners = new Set<FrameListener>();
  private readonly readyListeners = new Set<() => void>();
  private readonly stateListeners = new Set<() => void>();
  private readonly refusedListeners = new Set<() => void>();

  constructor(url: string) {
    this.url = url;
  }

  start(): void {
    if (this.state.status !== 'off') return;
    window.addEventListener('online', this.onNetwork);
    window.addEventListener('offline', this.onNetwork);
    document.addEventListener('visibilitychange', this.onVisible);
    this.connect();
  }

  stop(): void {
    window.removeEventListener('online', this.onNetwork);
    window.removeEventListener('offline', this.onNetwork);
    document.removeEventListener('visibilitychange', this.onVisible);
    this.failures = 0;
    this.drop();
    this.enter({ status: 'off', retryAt: null });
  }

  send(frame: ClientFrame): boolean {
    if (this.state.status !== 'ready' || this.socket === null) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  isReady(): boolean {
    return this.state.status === 'ready';
  }

  getState = (): SocketState => this.state;

  retryNow = (): void => {
    if (this.state.status === 'waiting') this.connect();
  };

  onFrame(listener: FrameListener): () => void {
    return listen(this.frameListeners, listener);
  }

  onReady(listener: () => void): () => void {
    return listen(this.readyListeners, listener);
  }

  onState = (listener: () => void): (() => void) => listen(this.stateListeners, listener);

  /** The server doesn't know who we are: the session has ended. */
  onRefused(listener: () => void): () => void {
    return listen(this.refusedListeners, listener);
  }

  private connect(): void {
    this.drop();
    this.enter({ status: 'connecting', retryAt: null });
    const socket = new WebSocket(this.url);
    this.socket = socket;
    // A socket that was given up may still speak: only the current one is heard.
    const current = (react: (event: Event) => void) => (event: Event) => {
      if (this.socket === socket) react(event);
    };
    socket.addEventListener('close', current(() => this.lost()));
    socket.addEventListener(
      'message',
      current((event) => this.receive((event as MessageEvent<unknown>).data)),
    );
    this.readyTimer = window.setTimeout(() => this.lost(), READY_TIMEOUT_MS);
  }

  private receive(data: unknown): void {
    window.clearTimeout(this.pongTimer);
    const frame = parseFrame(data);
    if (frame === null) return;
    if (frame.type === 'ready') {
      this.becomeReady();
      return;
    }
    if (frame.type === 'error' && frame.code === 'not-authenticated') {
      for (const listener of this.refusedListeners) listener();
    }
    for (const listener of this.frameListeners) listener(frame);
  }

  private becomeReady(): void {
    window.clearTimeout(this.readyTimer);
    this.failures = 0;
    this.pingTimer = window.setInterval(() => this.ping(), PING_INTERVAL_MS);
    this.enter({ status: 'ready', retryAt: null });
    for (const listener of this.readyListeners) listener();
  }

  private readonly ping = (timeout = PONG_TIMEOUT_MS): void => {
    if (!this.send({ type: 'ping' })) return;
    window.clearTimeout(this.pongTimer);
    this.pongTimer = window.setTimeout(() => this.lost(), timeout);
  };

  /** The network came or went. A server on this machine may still be there: only its silence tells. */
  private readonly onNetwork = (): void => {
    this.retryNow();
    this.ping(PROBE_TIMEOUT_MS);
  };

  private readonly onVisible = (): void => {
    if (document.visibilityState !== 'visible') return;
    this.retryNow();
    this.ping();
  };

  private lost(): void {
    this.drop();
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    // Many clients that lost the same server must not come back in the same instant.
    const jittered = delay * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.retryTimer = window.setTimeout(() => this.connect(), jittered);
    this.enter({ status: 'waiting', retryAt: Date.now() + jittered });
  }

  private drop(): void {
    window.clearTimeout(this.retryTimer);
    window.clearTimeout(this.readyTimer);
    window.clearTimeout(this.pongTimer);
    window.clearInterval(this.pingTimer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private enter(state: SocketState): void {
    this.state = state;
    for (const listener of this.stateListeners) listener();
  }
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === 'object' && frame !== null && 'type' in frame
      ? (frame as ServerFrame)
      : null;
  } catch {
    return null;
  }
}
