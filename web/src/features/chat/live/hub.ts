import type {
  AskedFrame,
  ConversationTitled,
  ErrorFrame,
  ServerFrame,
  TurnEvent,
} from '@/lib/protocol';
import { isTurnEvent } from '@/lib/protocol';
import type { FrameChannel } from '@/lib/socket';
import { randomId } from '@/lib/text';

import { applyEvent, isUnfinished, type LiveTurn, newTurn } from './turn';

/** A question on its way: it is said again after every reconnect until the server has stored it. */
export interface PendingQuestion {
  clientId: string;
  conversation: string;
  text: string;
  /** The answer that it stands behind; `null`: it begins the conversation; absent: at the end. */
  parent?: string | null | undefined;
  /** Why the server refused it; such a question waits for the person. */
  refusal: ErrorFrame | null;
}

export interface HubEvents {
  /** A question is stored; or an answer is continued, then `question` is null. */
  onAsked: (frame: AskedFrame, question: PendingQuestion | null) => void;
  onFinished: (turn: LiveTurn) => void;
  onTitled: (frame: ConversationTitled) => void;
  /** The stream can't be followed: read the messages again. `refusal` is what the server said, if it did. */
  onLost: (turn: LiveTurn, refusal: ErrorFrame | null) => void;
}

interface Gap {
  count: number;
  askedAt: number;
}

const GAPS_BEFORE_GIVING_UP = 3;
const GAP_PAUSE_MS = 1000;
const LOST_PAUSE_MS = 3000;
const PAINT_MS = 33;

/**
 * Follows the turns of all conversations over the one socket and remembers the questions that are still
 * to be sent. Components read immutable snapshots; tokens are shown some thirty times a second.
 */
export class ChatHub {
  private readonly channel: FrameChannel;
  private readonly events: HubEvents;
  private readonly turns = new Map<string, LiveTurn>();
  private readonly gaps = new Map<string, Gap>();
  private readonly lostAt = new Map<string, number>();
  private pending: readonly PendingQuestion[] = [];
  private readonly listeners = new Set<() => void>();
  private paintTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: FrameChannel, events: HubEvents) {
    this.channel = channel;
    this.events = events;
  }

  /** Listens until the returned function is called. */
  start(): () => void {
    const removeFrame = this.channel.onFrame((frame) => this.receive(frame));
    const removeReady = this.channel.onReady(() => this.resume());
    if (this.channel.isReady()) this.resume();
    return () => {
      removeFrame();
      removeReady();
      clearTimeout(this.paintTimer);
      this.paintTimer = undefined;
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  getTurn(id: string | undefined): LiveTurn | undefined {
    return id === undefined ? undefined : this.turns.get(id);
  }

  readonly getPending = (): readonly PendingQuestion[] => this.pending;

  ask(conversation: string, text: string, parent?: string | null): void {
    const question = { clientId: randomId(), conversation, text, parent, refusal: null };
    this.setPending([...this.pending, question]);
    this.say(question);
  }

  askAgain(clientId: string): void {
    this.setPending(
      this.pending.map((each) => (each.clientId === clientId ? { ...each, refusal: null } : each)),
    );
    const question = this.pending.find((each) => each.clientId === clientId);
    if (question) this.say(question);
  }

  discard(clientId: string): void {
    this.setPending(this.pending.filter((each) => each.clientId !== clientId));
  }

  /** Follows an answer that was under way when its conversation was opened. */
  follow(turnId: string, conversation: string): void {
    const lostAt = this.lostAt.get(turnId) ?? 0;
    if (this.turns.has(turnId) || Date.now() - lostAt < LOST_PAUSE_MS) return;
    this.turns.set(turnId, newTurn(turnId, conversation));
    this.channel.send({ type: 'subscribe', turn: turnId, after: 0 });
    this.changed();
  }

  /** Follows an answer that was asked for over REST. */
  adopt(frame: AskedFrame): void {
    this.events.onAsked(frame, null);
    this.follow(frame.turn, frame.conversation);
  }

  /** Goes on with an answer that ended early. False: there is no connection to say it over. */
  continueTurn(turnId: string, conversation: string): boolean {
    if (!this.channel.send({ type: 'continue', turn: turnId })) return false;
    const turn = this.turns.get(turnId) ?? newTurn(turnId, conversation);
    this.turns.set(turnId, { ...turn, state: 'queued', error: null });
    this.changed();
    return true;
  }

  stop(turnId: string): boolean {
    return this.channel.send({ type: 'stop', turn: turnId });
  }

  /** The stored message says more than what was seen here: the live copy is not needed any more. */
  forget(turnId: string): void {
    this.gaps.delete(turnId);
    if (this.turns.delete(turnId)) this.changed();
  }

  private resume(): void {
    for (const question of this.pending) {
      if (question.refusal === null) this.say(question);
    }
    for (const turn of this.turns.values()) {
      if (isUnfinished(turn.state)) this.resubscribe(turn);
    }
  }

  private say(question: PendingQuestion): void {
    this.channel.send({
      type: 'ask',
      conversation: question.conversation,
      text: question.text,
      client_id: question.clientId,
      ...(question.parent === undefined ? {} : { parent: question.parent }),
    });
  }

  private receive(frame: ServerFrame): void {
    if (isTurnEvent(frame)) this.receiveEvent(frame);
    else if (frame.type === 'asked') this.receiveAsked(frame);
    else if (frame.type === 'conversation.titled') this.events.onTitled(frame);
    else if (frame.type === 'error') this.receiveError(frame);
  }

  private receiveAsked(frame: AskedFrame): void {
    const question = this.pending.find((each) => each.clientId === frame.client_id) ?? null;
    if (!this.turns.has(frame.turn)) {
      this.turns.set(frame.turn, newTurn(frame.turn, frame.conversation));
    }
    this.events.onAsked(frame, question);
    if (question) this.discard(question.clientId);
    this.changed();
  }

  private receiveError(frame: ErrorFrame): void {
    if (this.pending.some((each) => each.clientId === frame.client_id)) {
      this.setPending(
        this.pending.map((each) =>
          each.clientId === frame.client_id ? { ...each, refusal: frame } : each,
        ),
      );
      return;
    }
    const turn = this.getTurn(frame.turn);
    if (turn) this.lose(turn, frame);
  }

  private receiveEvent(event: TurnEvent): void {
    const turn = this.turns.get(event.turn);
    if (!turn) return;
    const applied = applyEvent(turn, event);
    if (applied.outcome === 'gap') this.mendGap(turn);
    if (applied.outcome !== 'applied') return;
    this.gaps.delete(turn.id);
    this.turns.set(turn.id, applied.turn);
    if (isUnfinished(applied.turn.state)) this.changedSoon();
    else this.finish(applied.turn);
  }

  private finish(turn: LiveTurn): void {
    this.changed();
    this.events.onFinished(turn);
  }

  /** Asks for what is missing; what arrives out of order until then is passed over. */
  private mendGap(turn: LiveTurn): void {
    const gap = this.gaps.get(turn.id) ?? { count: 0, askedAt: 0 };
    if (Date.now() - gap.askedAt < GAP_PAUSE_MS) return;
    if (gap.count === GAPS_BEFORE_GIVING_UP) {
      this.lose(turn, null);
      return;
    }
    this.gaps.set(turn.id, { count: gap.count + 1, askedAt: Date.now() });
    this.resubscribe(turn);
  }

  private resubscribe(turn: LiveTurn): void {
    this.channel.send({ type: 'subscribe', turn: turn.id, after: turn.seq });
  }

  private lose(turn: LiveTurn, refusal: ErrorFrame | null): void {
    this.lostAt.set(turn.id, Date.now());
    this.forget(turn.id);
    this.events.onLost(turn, refusal);
  }

  private setPending(pending: readonly PendingQuestion[]): void {
    this.pending = pending;
    this.changed();
  }

  private changedSoon(): void {
    this.paintTimer ??= setTimeout(() => this.changed(), PAINT_MS);
  }

  private changed(): void {
    clearTimeout(this.paintTimer);
    this.paintTimer = undefined;
    for (const listener of this.listeners) listener();
  }
}
