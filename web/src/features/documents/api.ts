import {
  type InfiniteData,
  keepPreviousData,
  type QueryClient,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { useCallback } from 'react';

import { keys } from '@/lib/api/keys';
import { fetchAll, fetchPage, flattenPages, nextPage } from '@/lib/api/paging';
import { refreshSoon } from '@/lib/api/refresh';
import type {
  BrainDocument,
  DocumentState,
  PageContent,
  Paged,
  PageSummary,
} from '@/lib/api/types';
import { request } from '@/lib/http';
import type { DocumentChanged } from '@/lib/protocol';
import { useBrainWatch, useSocketState } from '@/lib/socket-context';

const POLL_MS = 3_000;
/** Events are best effort, so a look from time to time stands behind them. */
const POLL_BEHIND_EVENTS_MS = 20_000;

export function isInWork(state: DocumentState): boolean {
  return state === 'received' || state === 'reading' || state === 'indexing';
}

/** Whether the document is being read, for the first time or again. */
export function isMoving({ state, next }: BrainDocument): boolean {
  return isInWork(state) || (next !== null && isInWork(next.state));
}

/** The documents of a brain, newest first, kept up to date while they are looked at. */
export function useDocuments(brain: string, state: string, search: string) {
  const client = useQueryClient();
  const { status } = useSocketState();
  const query = useInfiniteQuery({
    queryKey: keys.documentList(brain, state, search),
    queryFn: ({ pageParam, signal }) =>
      fetchPage<BrainDocument>(`brains/${brain}/documents`, { state, search }, pageParam, signal),
    initialPageParam: 1,
    getNextPageParam: nextPage,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state: { data } }) => {
      if (!flattenPages(data).some(isMoving)) return false;
      return status === 'ready' ? POLL_BEHIND_EVENTS_MS : POLL_MS;
    },
  });

  const onChange = useCallback(
    (event: DocumentChanged) => applyChange(client, event),
    [client],
  );
  const onReconnect = useCallback(
    () => void client.invalidateQueries({ queryKey: keys.documentsOf(brain) }),
    [client, brain],
  );
  useBrainWatch(brain, onChange, onReconnect);
  return query;
}

/** Writes a change into every list that shows the document; reads lists again that lack it. */
function applyChange(client: QueryClient, event: DocumentChanged): void {
  const lists = client.getQueriesData<InfiniteData<Paged<BrainDocument>>>({
    queryKey: keys.documentsOf(event.brain),
  });
  let isKnown = false;
  for (const [key, data] of lists) {
    const found = flattenPages(data).find((document) => document.id === event.document);
    if (!found || !data) continue;
    // Events don't tell what has been fetched.
    isKnown = found.media_type !== '' || isWithoutFile(event);
    client.setQueryData(key, {
      ...data,
      pages: data.pages.map((page) => ({ ...page, results: changed(page.results, event) })),
    });
  }
  if (!isKnown && !event.deleted) refreshSoon(client, keys.documentsOf(event.brain));
  if (event.deleted || !isInWork(event.state)) {
    void client.invalidateQueries({ queryKey: keys.document(event.document) });
    refreshSoon(client, keys.brain(event.brain));
  }
}

function isWithoutFile({ state, pages_total }: DocumentChanged): boolean {
  return pages_total === null && isInWork(state);
}

function changed(documents: BrainDocument[], event: DocumentChanged): BrainDocument[] {
  if (event.deleted) return documents.filter((document) => document.id !== event.document);
  const { title, state, pages_total, pages_done, error, next } = event;
  return documents.map((document) =>
    document.id === event.document
      ? { ...document, title, state, pages_total, pages_done, error, next }
      : document,
  );
}

/** To be called when documents of the brain were added or changed by this tab. */
export function useDocumentsChanged(brain: string) {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: keys.brains });
    return client.invalidateQueries({ queryKey: keys.documentsOf(brain) });
  };
}

export function useFetchDocument(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: (url: string) =>
      request<BrainDocument>(`brains/${brain}/documents`, { method: 'POST', body: { url } }),
    onSettled,
    meta: { showsError: true },
  });
}

export function useRetryDocument(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: (id: string) =>
      request<BrainDocument>(`documents/${id}/retry`, { method: 'POST' }),
    onSettled,
  });
}

export interface Changed {
  count: number;
  has_more: boolean;
}

/** How many documents of a brain have failed. */
export async function countFailed(brain: string): Promise<number> {
  const query = { state: 'failed', page_size: 1 };
  return (await request<Paged<BrainDocument>>(`brains/${brain}/documents`, { query })).count;
}

export function useRetryFailed(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: () =>
      request<Changed>(`brains/${brain}/documents/retry-failed`, { method: 'POST' }),
    onSettled,
  });
}

export function useCancelDocument(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: (id: string) =>
      request<BrainDocument>(`documents/${id}/cancel`, { method: 'POST' }),
    onSettled,
  });
}

export function useRereadDocument(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    /** `engine` empty: the usual one. */
    mutationFn: ({ id, engine }: { id: string; engine: string }) =>
      request<BrainDocument>(`documents/${id}/reread`, { method: 'POST', body: { engine } }),
    onSettled,
  });
}

export function useDeleteDocument(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: (id: string) => request(`documents/${id}`, { method: 'DELETE' }),
    onSettled,
  });
}

export const documentQuery = (id: string) =>
  queryOptions({
    queryKey: keys.document(id),
    queryFn: ({ signal }) => request<BrainDocument>(`documents/${id}`, { signal }),
    refetchInterval: ({ state: { data } }) => (data && isInWork(data.state) ? POLL_MS : false),
  });

export const documentPagesQuery = (id: string, isGrowing: boolean) =>
  queryOptions({
    queryKey: keys.documentPages(id),
    queryFn: ({ signal }) => fetchAll<PageSummary>(`documents/${id}/pages`, signal),
    refetchInterval: isGrowing ? POLL_MS : false,
  });

export const documentPageQuery = (id: string, page: number) =>
  queryOptions({
    queryKey: keys.documentPage(id, page),
    queryFn: ({ signal }) => request<PageContent>(`documents/${id}/pages/${page}`, { signal }),
    staleTime: 60_000,
  });
