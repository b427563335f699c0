import i18next from 'i18next';

import { offlineProblem, parseProblem, ProblemError } from './problem';

export const API = '/api/v1/';
const REQUEST_TIMEOUT_MS = 30_000;
const SAFE = new Set(['GET', 'HEAD']);

type Query = Record<string, string | number | boolean | null | undefined>;

interface RequestOptions {
  method?: string;
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

let csrfToken: string | null = null;

/** The token belongs to the session: forget it whenever the session changes. */
export function forgetCsrfToken(): void {
  csrfToken = null;
}

export async function csrfHeader(): Promise<Record<string, string>> {
  csrfToken ??= (await request<{ csrf_token: string }>('auth/csrf')).csrf_token;
  return { 'X-CSRFToken': csrfToken };
}

export function apiUrl(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const suffix = parameters.size > 0 ? `?${parameters.toString()}` : '';
  return `${API}${path}${suffix}`;
}

/**
 * One request to the API; the answer's JSON, or `undefined` for an empty answer.
 * Rejects with a ProblemError, whatever went wrong, except that an aborted request rejects as such.
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const method = options.method ?? 'GET';
  const response = await send(path, method, options);
  if (response.status === 403 && !SAFE.has(method) && csrfToken !== null) {
    const body = await readBody(response);
    if (parseProblem(403, body).code !== 'csrf-failed') {
      throw new ProblemError(parseProblem(403, body));
    }
    // Another tab signed in or out, which renewed the token: ask for it again, once.
    forgetCsrfToken();
    return decode<T>(await send(path, method, options));
  }
  return decode<T>(response);
}

async function send(path: string, method: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    'Accept-Language': i18next.language || 'en',
    ...(SAFE.has(method) ? {} : await csrfHeader()),
    ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
  };
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  try {
    return await fetch(apiUrl(path, options.query), {
      method,
      headers,
      credentials: 'same-origin',
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ProblemError(offlineProblem());
  }
}

async function decode<T>(response: Response): Promise<T> {
  const body = await readBody(response);
  if (!response.ok) throw new ProblemError(parseProblem(response.status, body));
  return body as T;
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
