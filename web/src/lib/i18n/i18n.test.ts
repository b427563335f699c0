import { describe, expect, it } from 'vitest';

import en from './en';
import ko from './ko';

function flatten(value: object, path = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === 'string'
      ? [[`${path}${key}`, inner] as [string, string]]
      : flatten(inner as object, `${path}${key}.`),
  );
}

function variables(sentence: string): string[] {
  return [...sentence.matchAll(/{{(\w+)}}/g)].map((match) => match[1] ?? '').sort();
}

const english = new Map(flatten(en));
const korean = new Map(flatten(ko));

describe('translations', () => {
  it('have the same keys in both languages', () => {
    expect([...korean.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('use the same variables in both languages', () => {
    const used = (entries: Map<string, string>) =>
      Object.fromEntries([...entries].map(([key, sentence]) => [key, variables(sentence)]));

    expect(used(korean)).toEqual(used(english));
  });

  it('leave no sentence empty', () => {
    const empty = [...english, ...korean].filter(([, sentence]) => sentence.trim() === '');

    expect(empty).toEqual([]);
  });
});
