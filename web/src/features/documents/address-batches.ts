import { useSyncExternalStore } from 'react';

/** Addresses that were given together in this tab. */
export interface AddressBatch {
  id: string;
  brain: string;
  /** Items that were given again, in another batch. */
  replaced: string[];
}

const PLACE = 'address-batches';

function stored(): readonly AddressBatch[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(PLACE) ?? '[]');
    return Array.isArray(found) ? (found as AddressBatch[]) : [];
  } catch {
    return [];
  }
}

/** They outlive a reload of the tab: the server knows what became of each. */
class AddressBatchStore {
  private batches = stored();
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly get = (): readonly AddressBatch[] => this.batches;

  add(brain: string, id: string): void {
    this.replace([...this.batches, { id, brain, replaced: [] }]);
  }

  markReplaced(id: string, refs: readonly string[]): void {
    this.replace(
      this.batches.map((batch) =>
        batch.id === id ? { ...batch, replaced: [...batch.replaced, ...refs] } : batch,
      ),
    );
  }

  forget(ids: readonly string[]): void {
    this.replace(this.batches.filter(({ id }) => !ids.includes(id)));
  }

  private replace(batches: readonly AddressBatch[]): void {
    this.batches = batches;
    try {
      sessionStorage.setItem(PLACE, JSON.stringify(batches));
    } catch {
      // Without it the list is gone after a reload; the documents are not.
    }
    for (const listener of this.listeners) listener();
  }
}

export const addressBatchStore = new AddressBatchStore();

export function useAddressBatches(brain: string): AddressBatch[] {
  const batches = useSyncExternalStore(addressBatchStore.subscribe, addressBatchStore.get);
  return batches.filter((batch) => batch.brain === brain);
}
