/**
 * The index in UTF-16 units of a code point. The server counts code points, JavaScript counts units:
 * they differ after every character outside the basic plane.
 */
export function unitIndex(text: string, codePoint: number): number {
  let index = 0;
  for (let count = 0; count < codePoint && index < text.length; count += 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

export interface TextSplit {
  before: string;
  marked: string;
  after: string;
}

/** Splits a text around the code points `start` to `end`. */
export function splitAt(text: string, start: number, end: number): TextSplit {
  const from = unitIndex(text, start);
  const to = unitIndex(text, Math.max(start, end));
  return { before: text.slice(0, from), marked: text.slice(from, to), after: text.slice(to) };
}

/** A random id, also on pages without TLS, where `crypto.randomUUID` is absent. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
