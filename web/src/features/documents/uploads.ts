import { useSyncExternalStore } from 'react';

import type { BrainDocument } from '@/lib/api/types';
import { apiUrl, csrfHeader, forgetCsrfToken, request as ask } from '@/lib/http';
import { offlineProblem, parseProblem, type Problem, ProblemError } from '@/lib/problem';
import { randomId } from '@/lib/text';

import { begunUpload, forgetBegunUpload, rememberUpload } from './begun-uploads';
import { sendInPieces } from './resumable';
import { forgetUpload, tusWire } from './tus';

export type UploadOutcome =
  | { state: 'waiting' }
  | { state: 'sending'; sent: number }
  | { state: 'added'; document: BrainDocument }
  | { state: 'duplicate'; document: BrainDocument }
  | { state: 'failed'; problem: Problem }
  | { state: 'cancelled' };

export type Upload = { id: string; brain: string; file: File } & UploadOutcome;

type StoredListener = (upload: Upload, document: BrainDocument) => void;

const AT_ONCE = 3;
/** Larger files go in pieces, and on after a lost connection. */
const WHOLE_BYTES = 8 * 1024 * 1024;

/** After that many pauses without a file that came through, what waits has failed. */
const MOST_PAUSES = 20;
const PAUSE_SECONDS = 5;
const TOO_MANY = 429;
/** Invalid, too large, of a type that can't be read, broken. */
const REFUSED = new Set([400, 413, 415, 422]);

interface Stored {
  status: number;
  document: BrainDocument;
}

export function isRunning(upload: Upload): boolean {
  return upload.state === 'waiting' || upload.state === 'sending';
}

/** A file that was refused for what it is will be refused again. */
export function mayWorkAgain(upload: Upload): boolean {
  if (upload.state === 'cancelled') return true;
  return upload.state === 'failed' && !REFUSED.has(upload.problem.status);
}

function hasFailedForNow(upload: Upload): boolean {
  return upload.state === 'failed' && mayWorkAgain(upload);
}

/** Whether trying again could help one of them. */
export function canRetryFailed(uploads: readonly Upload[]): boolean {
  return uploads.some(hasFailedForNow);
}

/**
 * Uploads of this tab. They live outside of the pages, so that they go on while somebody looks
 * elsewhere; leaving the site asks first.
 */
class UploadStore {
  /** In the order in which they were asked for. */
  private uploads: readonly Upload[] = [];
  private readonly requests = new Map<string, { abort: () => void }>();
  private readonly listeners = new Set<() => void>();
  private readonly storedListeners = new Set<StoredListener>();
  /** The server has said that there are too many at a time. */
  private pausedUntil = 0;
  private pauses = 0;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly get = (): readonly Upload[] => this.uploads;

  onStored(listener: StoredListener): () => void {
    this.storedListeners.add(listener);
    return () => {
      this.storedListeners.delete(listener);
    };
  }

  /** Uploads files into a brain; those above the limit are refused before they are sent. */
  add(brain: string, files: readonly File[], limitBytes: number): void {
    const added = files.map((file): Upload => {
      const upload = { id: randomId(), brain, file };
      return file.size > limitBytes
        ? { ...upload, state: 'failed', problem: tooLarge() }
        : { ...upload, state: 'waiting' };
    });
    this.replace([...this.uploads, ...added]);
    this.startNext();
  }

  retry(id: string): void {
    this.change(id, { state: 'waiting' });
    this.startNext();
  }

  /** Tries all of a brain that have failed again, but for files that were refused. */
  retryFailed(brain: string): void {
    this.replace(
      this.uploads.map((upload): Upload => {
        if (upload.brain !== brain || !hasFailedForNow(upload)) return upload;
        const { id, file } = upload;
        return { id, brain, file, state: 'waiting' };
      }),
    );
    this.pauses = 0;
    this.startNext();
  }

  cancel(id: string): void {
    this.change(id, { state: 'cancelled' });
    this.requests.get(id)?.abort();
    this.startNext();
  }

  dismiss(id: string): void {
    this.replace(this.uploads.filter((upload) => upload.id !== id));
  }

  clearFinished(brain: string): void {
    this.replace(this.uploads.filter((upload) => upload.brain !== brain || isRunning(upload)));
  }

  private startNext(): void {
    if (Date.now() < this.pausedUntil) return;
    const free = AT_ONCE - this.uploads.filter((upload) => upload.state === 'sending').length;
    const waiting = this.uploads.filter((upload) => upload.state === 'waiting');
    for (const upload of waiting.slice(0, Math.max(0, free))) void this.run(upload);
  }

  private async run({ id, brain, file }: Upload): Promise<void> {
    this.change(id, { state: 'sending', sent: 0 });
    try {
      const headers = await csrfHeader();
      const current = this.uploads.find((upload) => upload.id === id);
      if (current?.state !== 'sending') return;
      const { status, document } = await (file.size > WHOLE_BYTES
        ? this.sendInPieces(id, brain, file)
        : this.send(id, brain, file, headers));
      this.pauses = 0;
      this.change(id, { state: status === 200 ? 'duplicate' : 'added', document });
      const stored = this.uploads.find((upload) => upload.id === id);
      if (stored) for (const listener of this.storedListeners) listener(stored, document);
    } catch (error) {
      this.fail(id, error);
    } finally {
      this.requests.delete(id);
      this.startNext();
    }
  }

  private fail(id: string, error: unknown): void {
    const current = this.uploads.find((upload) => upload.id === id);
    if (current?.state === 'cancelled') return;
    const problem = error instanceof ProblemError ? error.problem : offlineProblem();
    if (problem.code === 'csrf-failed') forgetCsrfToken();
    this.change(id, this.mayWait(problem) ? { state: 'waiting' } : { state: 'failed', problem });
  }

  /** Thousands of small files are more than the server takes in a minute: it says when to go on. */
  private mayWait({ status, retryAfterSeconds }: Problem): boolean {
    if (status !== TOO_MANY) return false;
    if (Date.now() >= this.pausedUntil) {
      if (this.pauses === MOST_PAUSES) return false;
      this.pauses += 1;
      const pause = (retryAfterSeconds ?? PAUSE_SECONDS) * 1_000;
      this.pausedUntil = Date.now() + pause;
      setTimeout(() => this.startNext(), pause);
    }
    return true;
  }

  private async sendInPieces(id: string, brain: string, file: File): Promise<Stored> {
    const ending = new AbortController();
    let begun = begunUpload(brain, file);
    this.requests.set(id, {
      abort: () => {
        ending.abort();
        forgetBegunUpload(brain, file);
        if (begun !== null) void forgetUpload(begun);
      },
    });
    const found = await sendInPieces({
      wire: tusWire(brain, file, ending.signal),
      file,
      address: begun,
      onBegun: (address) => {
        begun = address;
        rememberUpload(brain, file, address);
      },
      onProgress: (sent) => this.change(id, { state: 'sending', sent }),
    });
    forgetBegunUpload(brain, file);
    const document = await ask<BrainDocument>(`documents/${found}`);
    const upload = await ask<{ created_at: string }>(`uploads/${begun?.split('/').pop() ?? ''}`);
    const wasThere = Date.parse(document.created_at) < Date.parse(upload.created_at);
    return { status: wasThere ? 200 : 202, document };
  }

  /** XMLHttpRequest, because fetch doesn't tell how much of a body has been sent. */
  private send(
    id: string,
    brain: string,
    file: File,
    headers: Record<string, string>,
  ): Promise<Stored> {
    const { promise, resolve, reject } = deferred<Stored>();
    const request = new XMLHttpRequest();
    this.requests.set(id, request);
    request.open('POST', apiUrl(`brains/${brain}/documents`));
    request.responseType = 'json';
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.setRequestHeader('Accept', 'application/json');
    request.upload.addEventListener('progress', ({ loaded }) => {
      this.change(id, { state: 'sending', sent: Math.min(loaded, file.size) });
    });
    request.addEventListener('load', () => {
      const { status } = request;
      if (status >= 200 && status < 300) resolve({ status, document: request.response as BrainDocument });
      else reject(new ProblemError(parseProblem(status, request.response)));
    });
    request.addEventListener('error', () => reject(new ProblemError(offlineProblem())));
    request.addEventListener('abort', () => reject(new ProblemError(offlineProblem())));
    const form = new FormData();
    form.append('file', file);
    request.send(form);
    return promise;
  }

  /** The others stay the objects they are, so that only the row that changes is drawn again. */
  private change(id: string, outcome: UploadOutcome): void {
    this.replace(
      this.uploads.map((upload) => {
        if (upload.id !== id) return upload;
        if (upload.state === 'cancelled' && outcome.state === 'sending') return upload;
        return { id, brain: upload.brain, file: upload.file, ...outcome };
      }),
    );
  }

  private replace(uploads: readonly Upload[]): void {
    this.uploads = uploads;
    window.removeEventListener('beforeunload', askBeforeLeaving);
    if (uploads.some(isRunning)) window.addEventListener('beforeunload', askBeforeLeaving);
    for (const listener of this.listeners) listener();
  }
}

export const uploadStore = new UploadStore();

export function useUploads(brain: string): Upload[] {
  const uploads = useSyncExternalStore(uploadStore.subscribe, uploadStore.get);
  return uploads.filter((upload) => upload.brain === brain);
}

function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

function tooLarge(): Problem {
  return { ...offlineProblem(), status: 413, code: 'too-large' };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onDone, onFailed) => {
    resolve = onDone;
    reject = onFailed;
  });
  return { promise, resolve, reject };
}
