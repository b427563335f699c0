import { useMutation } from '@tanstack/react-query';

import { request } from '@/lib/http';

import { useHub } from './live/hub-context';

interface Asked {
  turn: string;
  question: string;
  answer: string;
  conversation: string;
}

/** Asks for another answer to the same question, and shows it as it comes. */
export function useRegenerate() {
  const hub = useHub();
  const post = useMutation({
    mutationFn: (turnId: string) =>
      request<Asked>(`turns/${turnId}/regenerate`, { method: 'POST' }),
    onSuccess: (asked) => hub.adopt({ type: 'asked', client_id: '', ...asked }),
  });
  return { isPending: post.isPending, regenerate: post.mutate };
}
