import { hashKey, type QueryClient, type QueryKey } from '@tanstack/react-query';

const PAUSE_MS = 1_000;

/** Per client: the keys that are being read again, and whether they became old once more meanwhile. */
const running = new WeakMap<QueryClient, Map<string, boolean>>();

/**
 * Reads again what a burst of events makes old: at once, then at most once a second.
 *
 * `invalidateQueries` alone drops the answer that is on its way and asks anew: while events keep
 * coming, no answer would ever arrive.
 */
export function refreshSoon(client: QueryClient, queryKey: QueryKey): void {
  const keys = running.get(client) ?? new Map<string, boolean>();
  running.set(client, keys);
  const name = hashKey(queryKey);
  const isRunning = keys.has(name);
  keys.set(name, isRunning);
  if (!isRunning) void refresh(client, queryKey, keys);
}

async function refresh(
  client: QueryClient,
  queryKey: QueryKey,
  keys: Map<string, boolean>,
): Promise<void> {
  const name = hashKey(queryKey);
  do {
    keys.set(name, false);
    await Promise.all([client.invalidateQueries({ queryKey }), pause()]);
  } while (keys.get(name));
  keys.delete(name);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
