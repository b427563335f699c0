import { offlineProblem, ProblemError, problemOf } from '@/lib/problem';

/** Where an upload stands at the server; `document` once there is one. */
export interface Position {
  offset: number;
  document: string | null;
}

/** What goes over the line; each rejects with a ProblemError. */
export interface UploadWire {
  create: () => Promise<string>;
  position: (address: string) => Promise<Position>;
  send: (
    address: string,
    piece: Blob,
    offset: number,
    onSent: (bytes: number) => void,
  ) => Promise<Position>;
  wait: (milliseconds: number) => Promise<void>;
}

interface Sending {
  wire: UploadWire;
  file: Blob;
  /** Of an upload that was begun before. */
  address: string | null;
  onBegun: (address: string) => void;
  onProgress: (sent: number) => void;
}

/** A proxy that holds bodies back holds no more than this. */
export const PIECE_BYTES = 16 * 1024 * 1024;
/** After each failure in a row; then it has failed for good. */
export const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 30_000, 30_000, 30_000];
/** Gone: it has expired, or was never there. */
const FORGOTTEN = new Set([404, 410]);
/** Nothing came through, or the server is busy with the upload or with itself. */
const PASSING = new Set([0, 408, 409, 423, 429, 500, 502, 503, 504]);

/**
 * Sends a file in pieces, and goes on after failures that pass; the id of its document.
 * Rejects with a ProblemError.
 */
export async function sendInPieces(sending: Sending): Promise<string> {
  const { wire, onProgress } = sending;
  const patience = new Patience(wire);
  const address = await begun(sending, patience);
  let known: Position | null = null;
  for (;;) {
    try {
      known = await further(sending, address, known, patience);
      onProgress(known.offset);
      if (known.document !== null) return known.document;
    } catch (error) {
      await patience.spend(error);
      known = null;
    }
  }
}

/** One piece more, or where the upload stands if that isn't known. */
async function further(
  { wire, file, onProgress }: Sending,
  address: string,
  from: Position | null,
  patience: Patience,
): Promise<Position> {
  if (from === null) return wire.position(address);
  const { offset } = from;
  const piece = file.slice(offset, offset + PIECE_BYTES);
  const reached = await wire.send(address, piece, offset, (bytes) => onProgress(offset + bytes));
  patience.restore();
  return reached;
}

/** The address of the upload that was begun before and is still there, or of a new one. */
async function begun({ wire, address, onBegun }: Sending, patience: Patience): Promise<string> {
  if (address !== null && (await isThere(wire, address))) return address;
  for (;;) {
    try {
      const created = await wire.create();
      onBegun(created);
      return created;
    } catch (error) {
      await patience.spend(error);
    }
  }
}

async function isThere(wire: UploadWire, address: string): Promise<boolean> {
  try {
    await wire.position(address);
    return true;
  } catch (error) {
    return !FORGOTTEN.has(problemOf(error).status);
  }
}

/** How often in a row something may fail that passes. */
class Patience {
  private failures = 0;
  private readonly wire: UploadWire;

  constructor(wire: UploadWire) {
    this.wire = wire;
  }

  restore(): void {
    this.failures = 0;
  }

  /** Waits before the next try, or rejects with what went wrong. */
  async spend(error: unknown): Promise<void> {
    const problem = error instanceof ProblemError ? error.problem : offlineProblem();
    const pause = PAUSES_MS[this.failures];
    if (pause === undefined || !PASSING.has(problem.status)) throw new ProblemError(problem);
    this.failures += 1;
    await this.wire.wait(Math.max(pause, (problem.retryAfterSeconds ?? 0) * 1_000));
  }
}
