import { describe, expect, it } from 'vitest';

import type { PageBox, PageContent } from '@/lib/api/types';
import { splitAt } from '@/lib/text';

import { placesOf } from './passage';

function page(boxes: PageBox[]): PageContent {
  return {
    number: 1,
    label: '',
    source: 'text-layer',
    confidence: null,
    is_indexed: true,
    text: '',
    width: 200,
    height: 100,
    boxes,
  };
}

describe('placesOf', () => {
  it('joins the words of a line and begins anew on the next', () => {
    const content = page([
      [0, 4, 20, 10, 50, 20],
      [5, 9, 54, 10, 90, 20],
      [10, 14, 20, 30, 60, 40],
    ]);

    expect(placesOf(content, { start: 0, end: 14 })).toEqual([
      { left: 0.1, top: 0.1, width: 0.35, height: 0.1 },
      { left: 0.1, top: 0.3, width: 0.2, height: 0.1 },
    ]);
  });

  it('takes only words that the passage touches', () => {
    const content = page([
      [0, 4, 20, 10, 50, 20],
      [5, 9, 20, 30, 50, 40],
    ]);

    expect(placesOf(content, { start: 5, end: 9 })).toHaveLength(1);
  });
});

describe('splitAt', () => {
  it('counts code points as the server does', () => {
    expect(splitAt('👩‍🔬 답은 42', 4, 6)).toEqual({ before: '👩‍🔬 ', marked: '답은', after: ' 42' });
  });
});
