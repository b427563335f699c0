import { describe, expect, it } from 'vitest';

import { addressesOf } from './addresses';

describe('addressesOf', () => {
  it('finds one per line, each once', () => {
    const text = ' https://a.example/1 \r\n\nhttps://a.example/2\nhttps://a.example/1\n';

    expect(addressesOf(text)).toEqual(['https://a.example/1', 'https://a.example/2']);
  });

  it('finds none where nothing was typed', () => {
    expect(addressesOf(' \n ')).toEqual([]);
  });
});
