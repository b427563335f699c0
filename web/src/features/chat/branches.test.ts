import { describe, expect, it } from 'vitest';

import type { Message } from '@/lib/api/types';
import type { AskedFrame } from '@/lib/protocol';

import { pathUpTo, withAsked } from './branches';
import type { PendingQuestion } from './live/hub';

const ASKED: AskedFrame = {
  type: 'asked',
  client_id: '1',
  conversation: 'c',
  turn: 't-new',
  question: 'q-new',
  answer: 'a-new',
};

function question(parent?: string | null): PendingQuestion {
  return { clientId: '1', conversation: 'c', text: 'New?', refusal: null, parent };
}

function conversation(): Message[] {
  const first = withAsked([], { ...ASKED, turn: 't1', question: 'q1', answer: 'a1' }, question());
  return withAsked(first ?? [], { ...ASKED, turn: 't2', question: 'q2', answer: 'a2' }, question()) ?? [];
}

function ids(messages: Message[] | null): string[] | undefined {
  return messages?.map(({ id }) => id);
}

describe('withAsked', () => {
  it('puts a question at the end', () => {
    const path = withAsked(conversation(), ASKED, question());

    expect(ids(path)).toEqual(['q1', 'a1', 'q2', 'a2', 'q-new', 'a-new']);
    expect(path?.at(-1)).toMatchObject({ parent: 'q-new', siblings: ['a-new'], turn: { id: 't-new' } });
  });

  it('puts a changed question beside the old one', () => {
    const path = withAsked(conversation(), ASKED, question('a1'));

    expect(ids(path)).toEqual(['q1', 'a1', 'q-new', 'a-new']);
    expect(path?.[2]).toMatchObject({ parent: 'a1', siblings: ['q2', 'q-new'], text: 'New?' });
  });

  it('puts a changed first question at the beginning', () => {
    const path = withAsked(conversation(), ASKED, question(null));

    expect(ids(path)).toEqual(['q-new', 'a-new']);
    expect(path?.[0]).toMatchObject({ parent: null, siblings: ['q1', 'q-new'] });
  });

  it('puts another answer below the same question', () => {
    const path = withAsked(conversation(), { ...ASKED, question: 'q1' }, null);

    expect(ids(path)).toEqual(['q1', 'a-new']);
    expect(path?.[1]?.siblings).toEqual(['a1', 'a-new']);
  });

  it('changes nothing when an answer goes on', () => {
    const path = conversation();

    expect(withAsked(path, { ...ASKED, question: 'q2', answer: 'a2' }, null)).toBe(path);
  });

  it('does not guess where an answer belongs whose question is not shown', () => {
    expect(withAsked(conversation(), ASKED, null)).toBeNull();
  });
});

describe('pathUpTo', () => {
  it.each([
    ['everything without a parent', undefined, ['q1', 'a1', 'q2', 'a2']],
    ['nothing at the beginning', null, []],
    ['the messages up to the parent', 'a1', ['q1', 'a1']],
    ['everything where the parent is not shown', 'gone', ['q1', 'a1', 'q2', 'a2']],
  ])('keeps %s', (_, parent, kept) => {
    expect(ids(pathUpTo(conversation(), parent))).toEqual(kept);
  });
});
