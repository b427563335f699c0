import i18next, { type TFunction } from 'i18next';

import { currentLanguage } from './i18n';
import { OFFLINE, type Problem, problemOf } from './problem';

export interface ProblemText {
  sentence: string;
  wayOut: string;
}

interface Described {
  code: string;
  detail: string;
  wayOut: string;
  retryAfterSeconds?: number | null;
}

/**
 * What people read. The server writes English, and more exactly than a sentence per code can: in other
 * languages the code's own sentence comes first.
 */
export function describeProblem({ code, detail, wayOut, retryAfterSeconds }: Described): ProblemText {
  // Takes any text as a key: codes of newer servers are unknown here and fall through.
  const t = i18next.t.bind(i18next) as unknown as (key: string, options: object) => string;
  const ofCode = t(`errors.codes.${code}`, { defaultValue: '' });
  const wayOutOfCode = t(`errors.wayOut.${code}`, { defaultValue: '' });
  const serverFirst = currentLanguage() === 'en' && code !== OFFLINE;
  const [sentence, way] = serverFirst
    ? [detail || ofCode, wayOut || (detail ? '' : wayOutOfCode)]
    : [ofCode || detail, ofCode ? wayOutOfCode : wayOut];
  return {
    sentence: sentence || t('errors.codes.internal-error', {}),
    wayOut: way || (retryAfterSeconds ? retryText(i18next.t, retryAfterSeconds) : ''),
  };
}

export function describeError(error: unknown): ProblemText {
  return describeProblem(problemOf(error));
}

/** The error under which a form field shows its sentences; other fields' go to the form. */
export function fieldErrors(problem: Problem): Record<string, string> {
  return Object.fromEntries(
    Object.entries(problem.fields).map(([name, sentences]) => [name, sentences.join(' ')]),
  );
}

function retryText(t: TFunction, seconds: number): string {
  return t('errors.retryAfter', { count: Math.ceil(seconds) });
}
