/** An error as the API describes it (RFC 9457), or a failure on the way to it. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  wayOut: string;
  fields: Record<string, string[]>;
  retryAfterSeconds: number | null;
}

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.code);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

export const OFFLINE = 'offline';

export function offlineProblem(): Problem {
  return { status: 0, code: OFFLINE, detail: '', wayOut: '', fields: {}, retryAfterSeconds: null };
}

/** Reads a problem body; tolerates bodies that are something else, such as a proxy's error page. */
export function parseProblem(status: number, body: unknown): Problem {
  const record = isRecord(body) ? body : {};
  return {
    status,
    code: text(record.code) || codeOfStatus(status),
    detail: text(record.detail) || text(record.title),
    wayOut: text(record.way_out),
    fields: fieldsOf(record.fields),
    retryAfterSeconds:
      typeof record.retry_after_seconds === 'number' ? record.retry_after_seconds : null,
  };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return {
    ...offlineProblem(),
    code: 'internal-error',
    detail: error instanceof Error ? error.message : '',
  };
}

export function isSignedOut(error: unknown): boolean {
  const { status, code } = problemOf(error);
  return status === 401 || code === 'not-authenticated';
}

function codeOfStatus(status: number): string {
  const codes: Record<number, string> = {
    401: 'not-authenticated',
    403: 'not-allowed',
    404: 'not-found',
    409: 'conflict',
    413: 'too-large',
    415: 'type-unsupported',
    429: 'limit-reached',
    502: 'unavailable',
    503: 'unavailable',
    504: 'unavailable',
  };
  return codes[status] ?? 'internal-error';
}

function fieldsOf(value: unknown): Record<string, string[]> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, sentences]) => [
      name,
      (Array.isArray(sentences) ? sentences : [sentences]).map(String),
    ]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
