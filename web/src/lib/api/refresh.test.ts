import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { refreshSoon } from './refresh';

const KEY = ['documents'];
const ANSWER_MS = 300;

function watched(client: QueryClient) {
  const answers: number[] = [];
  const fetch = vi.fn(
    () => new Promise<number>((resolve) => setTimeout(() => resolve(Date.now()), ANSWER_MS)),
  );
  const observer = new QueryObserver(client, { queryKey: KEY, queryFn: fetch });
  observer.subscribe(({ data }) => {
    if (data !== undefined && data !== answers.at(-1)) answers.push(data);
  });
  return { answers, fetch };
}

async function burst(client: QueryClient, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 50) {
    refreshSoon(client, KEY);
    await vi.advanceTimersByTimeAsync(50);
  }
}

describe('refreshSoon', () => {
  let client: QueryClient;

  beforeEach(() => {
    vi.useFakeTimers();
    client = new QueryClient();
  });

  afterEach(() => {
    client.clear();
    vi.useRealTimers();
  });

  it('lets answers arrive while events keep coming', async () => {
    const { answers } = watched(client);

    await burst(client, 5_000);

    expect(answers.length).toBeGreaterThanOrEqual(4);
  });

  it('asks at most once a second', async () => {
    const { fetch } = watched(client);

    await burst(client, 5_000);

    expect(fetch.mock.calls.length).toBeLessThanOrEqual(7);
  });

  it('asks once more after the last event', async () => {
    const { answers } = watched(client);

    await burst(client, 500);
    const last = Date.now();
    await vi.advanceTimersByTimeAsync(3_000);

    expect(answers.at(-1)).toBeGreaterThan(last);
  });

  it('falls silent when nothing happens any more', async () => {
    const { fetch } = watched(client);
    await burst(client, 500);
    await vi.advanceTimersByTimeAsync(3_000);
    fetch.mockClear();

    await vi.advanceTimersByTimeAsync(10_000);

    expect(fetch).not.toHaveBeenCalled();
  });
});
