import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { keys } from '@/lib/api/keys';
import { request } from '@/lib/http';

import { useHub } from './live/hub-context';

/** Stops an answer over the socket, or by REST while there is none. */
export function useStopTurn(turnId: string | undefined, isAnswering: boolean) {
  const hub = useHub();
  const [stopped, setStopped] = useState<string>();
  // The same turn can be continued, and stopped once more.
  if (!isAnswering && stopped !== undefined) setStopped(undefined);
  const post = useMutation({
    mutationFn: (id: string) => request(`turns/${id}/stop`, { method: 'POST' }),
    onError: () => setStopped(undefined),
  });
  const stop = () => {
    if (turnId === undefined) return;
    setStopped(turnId);
    if (!hub.stop(turnId)) post.mutate(turnId);
  };
  return { stop, isStopping: stopped !== undefined && stopped === turnId };
}

/** Goes on with an answer that ended early. */
export function useContinueTurn(conversation: string) {
  const hub = useHub();
  const client = useQueryClient();
  const post = useMutation({
    mutationFn: (id: string) => request(`turns/${id}/continue`, { method: 'POST' }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.messages(conversation) }),
  });
  return {
    isPending: post.isPending,
    continueTurn: (turnId: string) => {
      if (!hub.continueTurn(turnId, conversation)) post.mutate(turnId);
    },
  };
}
