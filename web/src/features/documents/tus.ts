import { apiUrl, csrfHeader, forgetCsrfToken } from '@/lib/http';
import { offlineProblem, parseProblem, ProblemError } from '@/lib/problem';

import type { Position, UploadWire } from './resumable';

const BODY_TYPE = 'application/offset+octet-stream';
/** A piece that does not move for so long is on a line that is dead. */
const STALLED_MS = 60_000;

interface Call {
  method: string;
  address: string;
  headers?: Record<string, string>;
  body?: Blob;
  onSent?: (bytes: number) => void;
}

/** The server's end of a resumable upload (tus 1.0), until `signal` ends it. */
export function tusWire(brain: string, file: File, signal: AbortSignal): UploadWire {
  return {
    create: async () => {
      const headers = {
        'Upload-Length': String(file.size),
        'Upload-Metadata': `brain ${base64(brain)},filename ${base64(file.name)}`,
      };
      const answer = await call({ method: 'POST', address: apiUrl('uploads'), headers }, signal);
      return answer.getResponseHeader('Location') ?? '';
    },
    position: async (address) => standing(await call({ method: 'HEAD', address }, signal)),
    send: async (address, body, offset, onSent) => {
      const headers = { 'Content-Type': BODY_TYPE, 'Upload-Offset': String(offset) };
      return standing(await call({ method: 'PATCH', address, headers, body, onSent }, signal));
    },
    wait: (milliseconds) => pause(milliseconds, signal),
  };
}

/** Forgets an upload that nobody wants any more; one that stays goes after a day. */
export async function forgetUpload(address: string): Promise<void> {
  try {
    await call({ method: 'DELETE', address }, new AbortController().signal);
  } catch {
    // It expires by itself.
  }
}

function standing(answer: XMLHttpRequest): Position {
  const document = answer.getResponseHeader('Upload-Document')?.split('/').pop();
  return {
    offset: Number(answer.getResponseHeader('Upload-Offset')),
    document: document ?? null,
  };
}

async function call(asked: Call, signal: AbortSignal, isAgain = false): Promise<XMLHttpRequest> {
  const csrf = asked.method === 'HEAD' ? {} : await csrfHeader();
  const answer = await transfer({ ...asked, headers: { ...asked.headers, ...csrf } }, signal);
  if (answer.status >= 200 && answer.status < 300) return answer;
  const problem = parseProblem(answer.status, answer.response);
  if (problem.code !== 'csrf-failed' || isAgain) throw new ProblemError(problem);
  // Another tab signed in or out, which renewed the token: ask for it again, once.
  forgetCsrfToken();
  return call(asked, signal, true);
}

/** XMLHttpRequest, because fetch doesn't tell how much of a body has been sent. */
function transfer(asked: Call, signal: AbortSignal): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const fail = () => reject(new ProblemError(offlineProblem()));
    let stalled = setTimeout(abort, STALLED_MS);
    request.open(asked.method, asked.address);
    request.responseType = 'json';
    request.setRequestHeader('Tus-Resumable', '1.0.0');
    request.setRequestHeader('Accept', 'application/json');
    for (const [name, value] of Object.entries(asked.headers ?? {})) {
      request.setRequestHeader(name, value);
    }
    request.upload.addEventListener('progress', ({ loaded }) => {
      clearTimeout(stalled);
      // The last piece is answered when the whole file has been put together.
      if (loaded < (asked.body?.size ?? 0)) stalled = setTimeout(abort, STALLED_MS);
      asked.onSent?.(loaded);
    });
    request.addEventListener('load', () => resolve(request));
    request.addEventListener('error', fail);
    request.addEventListener('abort', fail);
    request.addEventListener('loadend', () => {
      clearTimeout(stalled);
      signal.removeEventListener('abort', abort);
    });
    if (signal.aborted) {
      clearTimeout(stalled);
      fail();
      return;
    }
    signal.addEventListener('abort', abort);
    request.send(asked.body ?? null);
  });
}

/** Ends early when the line is back. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => () => {
      clearTimeout(timer);
      window.removeEventListener('online', goOn);
      signal.removeEventListener('abort', giveUp);
      settle();
    };
    const goOn = end(resolve);
    const giveUp = end(() => reject(new ProblemError(offlineProblem())));
    const timer = setTimeout(goOn, milliseconds);
    window.addEventListener('online', goOn);
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
  });
}

function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
