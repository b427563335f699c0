import type { InfiniteData } from '@tanstack/react-query';

import { request } from '../http';
import type { Paged } from './types';

export const PAGE_SIZE = 50;
const LARGEST_PAGE = 200;
const MOST_PAGES = 50;

type Query = Record<string, string | number | boolean | null | undefined>;

/** The number of the page after this one, or `undefined` on the last. */
export function nextPage<T>(last: Paged<T>, _all: Paged<T>[], current: number): number | undefined {
  return last.next === null ? undefined : current + 1;
}

export function fetchPage<T>(
  path: string,
  query: Query,
  page: number,
  signal: AbortSignal,
): Promise<Paged<T>> {
  return request<Paged<T>>(path, { query: { ...query, page, page_size: PAGE_SIZE }, signal });
}

/** Everything in a list that people expect whole: members, messages of a conversation, keys. */
export async function fetchAll<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const answer = await request<Paged<T> | T[]>(path, {
      query: { page, page_size: LARGEST_PAGE },
      signal,
    });
    if (Array.isArray(answer)) return answer;
    items.push(...answer.results);
    if (answer.next === null) break;
  }
  return items;
}

export function flattenPages<T>(data: InfiniteData<Paged<T>> | undefined): T[] {
  return data?.pages.flatMap((page) => page.results) ?? [];
}
