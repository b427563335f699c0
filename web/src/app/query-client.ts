import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

import { noticeError } from '@/components/notices';
import { keys } from '@/lib/api/keys';
import { forgetCsrfToken } from '@/lib/http';
import { isSignedOut, problemOf } from '@/lib/problem';

declare module '@tanstack/react-query' {
  interface Register {
    mutationMeta: {
      /** The component shows the error itself, beside the form that caused it. */
      showsError?: boolean;
    };
  }
}

const RETRIES = 2;

/** Errors that a second try can mend by itself: the way there, or a part that is away for a moment. */
function isPassing(error: unknown): boolean {
  const { status } = problemOf(error);
  return status === 0 || status >= 502;
}

export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: leaveIfSignedOut }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _result, mutation) => {
        leaveIfSignedOut(error);
        if (mutation.meta?.showsError !== true && !isSignedOut(error)) noticeError(error);
      },
    }),
    defaultOptions: {
      // Browsers call a machine offline that reaches its own server well; and whoever is offline
      // wants to be told so, and not to wait for an answer that isn't asked for.
      mutations: { networkMode: 'always' },
      queries: {
        networkMode: 'always',
        refetchOnReconnect: true,
        staleTime: 5_000,
        retry: (failures, error) => failures < RETRIES && isPassing(error),
      },
    },
  });

  /** The session has ended: `SessionGate` sees that nobody is signed in and asks for it again. */
  function leaveIfSignedOut(error: unknown): void {
    if (!isSignedOut(error) || client.getQueryData(keys.me) === undefined) return;
    forgetCsrfToken();
    client.setQueryData(keys.me, null);
  }

  return client;
}
