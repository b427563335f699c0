import { useMutation, useQueries, useQueryClient } from '@tanstack/react-query';

import { keys } from '@/lib/api/keys';
import { fetchAll } from '@/lib/api/paging';
import type { BatchItem } from '@/lib/api/types';
import { request } from '@/lib/http';
import { problemOf } from '@/lib/problem';

import { type AddressBatch, addressBatchStore, useAddressBatches } from './address-batches';
import { type Changed, useDocumentsChanged } from './api';

const POLL_MS = 3_000;
/** A look at many takes several requests. */
const POLL_MANY_MS = 15_000;
const MANY = 200;
const GONE = 404;

export interface AddressResult {
  batch: string;
  item: BatchItem;
}

/** What is still to become of the item: its file is being fetched, or read. */
export function isItemMoving({ state }: BatchItem): boolean {
  return state === 'received' || state === 'reading' || state === 'indexing';
}

export function hasItemFailed(item: BatchItem): boolean {
  return (item.state === 'refused' || item.state === 'failed') && !isAlreadyThere(item);
}

/** Its file is in the brain, as another document. */
export function isAlreadyThere({ document }: BatchItem): boolean {
  return document?.error?.code === 'same-file-present';
}

/** There was no room for it; what else was refused will be refused again. */
function mayBeGivenAgain({ error }: BatchItem): boolean {
  return error?.code === 'fetches-unfinished';
}

export function mayItemWorkAgain(item: BatchItem): boolean {
  return hasItemFailed(item) && (item.state === 'failed' || mayBeGivenAgain(item));
}

/** What became of all addresses that were given in this tab, kept up to date. */
export function useAddressResults(brain: string): AddressResult[] {
  const batches = useAddressBatches(brain);
  const answers = useQueries({
    queries: batches.map(({ id }) => ({
      queryKey: keys.batchItems(id),
      queryFn: ({ signal }: { signal: AbortSignal }) => itemsOf(id, signal),
      refetchInterval: ({ state }: { state: { data?: BatchItem[] | undefined } }) => {
        if (!state.data?.some(isItemMoving)) return false as const;
        return state.data.length > MANY ? POLL_MANY_MS : POLL_MS;
      },
    })),
  });
  return batches.flatMap(({ id, replaced }, index) =>
    (answers[index]?.data ?? [])
      .filter(({ ref }) => !replaced.includes(ref))
      .map((item) => ({ batch: id, item })),
  );
}

/** Of a batch that is gone, with its brain perhaps: nothing. */
async function itemsOf(id: string, signal: AbortSignal): Promise<BatchItem[]> {
  try {
    return await fetchAll<BatchItem>(`batches/${id}/items`, signal);
  } catch (error) {
    if (problemOf(error).status !== GONE) throw error;
    addressBatchStore.forget([id]);
    return [];
  }
}

async function announce(brain: string, urls: readonly string[]): Promise<void> {
  const items = urls.map((url, index) => ({ ref: String(index + 1), url }));
  const body = { items };
  const { id } = await request<{ id: string }>(`brains/${brain}/batches`, { method: 'POST', body });
  addressBatchStore.add(brain, id);
}

/** Has several addresses fetched; what becomes of each, `useAddressResults` tells. */
export function useFetchAddresses(brain: string) {
  const onSettled = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: (urls: readonly string[]) => announce(brain, urls),
    onSettled,
    meta: { showsError: true },
  });
}

/** Goes on with all that may work now. */
export function useRetryAddresses(brain: string, batches: readonly AddressBatch[]) {
  const client = useQueryClient();
  const changed = useDocumentsChanged(brain);
  return useMutation({
    mutationFn: async (results: readonly AddressResult[]) => {
      for (const { id } of batches) {
        const items = results.filter(({ batch }) => batch === id).map(({ item }) => item);
        if (items.some(({ state }) => state === 'failed')) await retry(id);
        const again = items.filter(mayBeGivenAgain);
        if (again.length === 0) continue;
        await announce(brain, again.map(({ url }) => url));
        addressBatchStore.markReplaced(id, again.map(({ ref }) => ref));
      }
    },
    onSettled: () => {
      for (const { id } of batches) void client.invalidateQueries({ queryKey: keys.batchItems(id) });
      return changed();
    },
  });
}

async function retry(batch: string): Promise<void> {
  let hasMore = true;
  while (hasMore) {
    const changed = await request<Changed>(`batches/${batch}/retry`, { method: 'POST' });
    hasMore = changed.has_more;
  }
}
