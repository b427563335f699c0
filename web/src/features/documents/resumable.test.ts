import { describe, expect, it } from 'vitest';

import { offlineProblem, ProblemError } from '@/lib/problem';

import { PAUSES_MS, PIECE_BYTES, type Position, sendInPieces, type UploadWire } from './resumable';

const FILE = new Blob([new Uint8Array(2 * PIECE_BYTES + 10)]);

function problem(status: number): ProblemError {
  return new ProblemError({ ...offlineProblem(), status });
}

/** A server that keeps what it gets; `failures` are what the next calls to `send` end with. */
class Server implements UploadWire {
  created = 0;
  offset = 0;
  pauses: number[] = [];
  failures: (ProblemError | null)[] = [];
  absent = new Set<string>();

  create = (): Promise<string> => {
    this.created += 1;
    return Promise.resolve('/uploads/1');
  };

  position = (address: string): Promise<Position> =>
    this.absent.has(address) ? Promise.reject(problem(404)) : Promise.resolve(this.stands());

  send = (_address: string, piece: Blob, offset: number): Promise<Position> => {
    const failure = this.failures.shift();
    if (failure) return Promise.reject(failure);
    expect(offset).toBe(this.offset);
    this.offset += piece.size;
    return Promise.resolve(this.stands());
  };

  wait = (milliseconds: number): Promise<void> => {
    this.pauses.push(milliseconds);
    return Promise.resolve();
  };

  private stands(): Position {
    return { offset: this.offset, document: this.offset === FILE.size ? 'document' : null };
  }
}

function send(wire: UploadWire, address: string | null = null): Promise<string> {
  const nothing = () => undefined;
  return sendInPieces({ wire, file: FILE, address, onBegun: nothing, onProgress: nothing });
}

describe('sendInPieces', () => {
  it('sends piece after piece, and tells the document', async () => {
    const server = new Server();

    expect(await send(server)).toBe('document');
    expect([server.offset, server.created]).toEqual([FILE.size, 1]);
  });

  it('goes on where the server stands after a lost connection', async () => {
    const server = new Server();
    server.failures = [null, problem(0), problem(503), problem(409)];

    expect(await send(server)).toBe('document');
    expect([server.created, server.pauses.length]).toEqual([1, 3]);
  });

  it('goes on with an upload that was begun before', async () => {
    const server = new Server();
    server.offset = PIECE_BYTES;

    await send(server, '/uploads/0');

    expect(server.created).toBe(0);
  });

  it('begins anew where the one that was begun is gone', async () => {
    const server = new Server();
    server.absent.add('/uploads/0');

    await send(server, '/uploads/0');

    expect(server.created).toBe(1);
  });

  it('does not try again what is refused for good', async () => {
    const server = new Server();
    server.failures = [problem(415)];

    await expect(send(server)).rejects.toMatchObject({ problem: { status: 415 } });
    expect(server.pauses).toEqual([]);
  });

  it('gives up after so many failures without progress', async () => {
    const server = new Server();
    server.send = () => Promise.reject(problem(0));
    server.position = () => Promise.reject(problem(0));

    await expect(send(server)).rejects.toMatchObject({ problem: { status: 0 } });
    expect(server.pauses).toEqual(PAUSES_MS);
  });
});
