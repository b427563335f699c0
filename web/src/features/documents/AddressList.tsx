import type { TFunction } from 'i18next';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';

import type { BatchItem } from '@/lib/api/types';
import { describeProblem } from '@/lib/problem-text';

import { addressBatchStore, useAddressBatches } from './address-batches';
import {
  hasItemFailed,
  isAlreadyThere,
  isItemMoving,
  mayItemWorkAgain,
  useAddressResults,
  useRetryAddresses,
} from './batches';
import { ResultList } from './ResultList';
import { type ResultKind, ResultRow } from './ResultRow';

/** What became of the addresses that were given together in this tab. */
export function AddressList({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const batches = useAddressBatches(brain);
  const results = useAddressResults(brain);
  const retry = useRetryAddresses(brain, batches);
  if (results.length === 0) return null;
  const moving = results.filter(({ item }) => isItemMoving(item));
  const failed = results.filter(({ item }) => hasItemFailed(item)).length;
  const ended = batches.filter(({ id }) => moving.every(({ batch }) => batch !== id));
  const summary = [
    moving.length > 0 && t('documents.addressesRunning', { count: moving.length }),
    failed > 0 && t('documents.addressesFailed', { count: failed }),
  ].filter((part) => part !== false);
  return (
    <ResultList
      label={t('documents.addresses')}
      summary={summary.join(' · ') || t('documents.addressesDone')}
      rows={[...results].sort(byInterest).map(({ batch, item }) => (
        <AddressRow key={`${batch} ${item.ref}`} item={item} />
      ))}
      isRetrying={retry.isPending}
      onRetry={
        results.some(({ item }) => mayItemWorkAgain(item)) ? () => retry.mutate(results) : undefined
      }
      onClear={
        ended.length > 0 ? () => addressBatchStore.forget(ended.map(({ id }) => id)) : undefined
      }
    />
  );
}

/** What went wrong comes first, then what moves. */
const INTEREST: ResultKind[] = ['failed', 'open', 'there', 'done'];

function byInterest(one: { item: BatchItem }, other: { item: BatchItem }): number {
  return INTEREST.indexOf(kindOf(one.item)) - INTEREST.indexOf(kindOf(other.item));
}

const AddressRow = memo(
  function AddressRow({ item }: { item: BatchItem }) {
    const { t } = useTranslation();
    return (
      <ResultRow kind={kindOf(item)} state={item.state} name={item.url} text={describeItem(item, t)} />
    );
  },
  // Each answer of the server brings new objects.
  (before, after) => JSON.stringify(before.item) === JSON.stringify(after.item),
);

function kindOf(item: BatchItem): ResultKind {
  if (isAlreadyThere(item)) return 'there';
  if (hasItemFailed(item)) return 'failed';
  return item.state === 'ready' ? 'done' : 'open';
}

function describeItem(item: BatchItem, t: TFunction): string {
  const { state, document } = item;
  const error = item.error ?? document?.error ?? null;
  if (isAlreadyThere(item)) return t('documents.uploadDuplicate');
  if (error !== null) {
    const { code, sentence: detail } = error;
    const { sentence, wayOut } = describeProblem({ code, detail, wayOut: '' });
    return `${sentence} ${wayOut}`.trim();
  }
  if (state === 'wanted' || state === 'refused') return t('documents.uploadWaiting');
  if (state === 'deleted') return t('documents.addressDeleted');
  if (document?.pages_total === null && isItemMoving(item)) {
    return state === 'received' ? t('documents.uploadWaiting') : t('documents.progressFetching');
  }
  return t(`documents.state.${state}`);
}
