import { createContext, use, useCallback, useSyncExternalStore } from 'react';

import type { ChatHub, PendingQuestion } from './hub';
import type { LiveTurn } from './turn';

export const HubContext = createContext<ChatHub | null>(null);

export function useHub(): ChatHub {
  const hub = use(HubContext);
  if (hub === null) throw new Error('There is no ChatProvider above this component.');
  return hub;
}

export function useLiveTurn(id: string | undefined): LiveTurn | undefined {
  const hub = useHub();
  return useSyncExternalStore(
    hub.subscribe,
    useCallback(() => hub.getTurn(id), [hub, id]),
  );
}

/** Questions of a conversation that the server has not stored yet. */
export function usePending(conversation: string): PendingQuestion[] {
  const hub = useHub();
  const pending = useSyncExternalStore(hub.subscribe, hub.getPending);
  return pending.filter((question) => question.conversation === conversation);
}
