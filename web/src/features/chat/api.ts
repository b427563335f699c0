import {
  keepPreviousData,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';

import { keys } from '@/lib/api/keys';
import { fetchAll, fetchPage, nextPage } from '@/lib/api/paging';
import type { Conversation, Message } from '@/lib/api/types';
import { request } from '@/lib/http';

export function useConversations(search: string) {
  return useInfiniteQuery({
    queryKey: keys.conversationList(search),
    queryFn: ({ pageParam, signal }) =>
      fetchPage<Conversation>('conversations', { search }, pageParam, signal),
    initialPageParam: 1,
    getNextPageParam: nextPage,
    placeholderData: keepPreviousData,
  });
}

export const conversationQuery = (id: string) =>
  queryOptions({
    queryKey: keys.conversation(id),
    queryFn: ({ signal }) => request<Conversation>(`conversations/${id}`, { signal }),
  });

export const messagesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.messages(id),
    queryFn: ({ signal }) => fetchAll<Message>(`conversations/${id}/messages`, signal),
  });

export interface NewConversation {
  brain: string | null;
  model: string | null;
}

export function useCreateConversation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: NewConversation) =>
      request<Conversation>('conversations', { method: 'POST', body }),
    onSuccess: (conversation) => {
      client.setQueryData(keys.conversation(conversation.id), conversation);
      client.setQueryData(keys.messages(conversation.id), []);
      return client.invalidateQueries({ queryKey: ['conversations', 'list'] });
    },
  });
}

export function useRenameConversation(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (title: string) =>
      request<Conversation>(`conversations/${id}`, { method: 'PATCH', body: { title } }),
    onSuccess: (conversation) => {
      client.setQueryData(keys.conversation(id), conversation);
      return client.invalidateQueries({ queryKey: ['conversations', 'list'] });
    },
  });
}

/** Shows the path through a message. */
export function useChoosePath(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (leaf: string) =>
      request<Conversation>(`conversations/${id}`, { method: 'PATCH', body: { leaf } }),
    onSuccess: (conversation) => {
      client.setQueryData(keys.conversation(id), conversation);
      return client.invalidateQueries({ queryKey: keys.messages(id) });
    },
  });
}

export function useDeleteConversation(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request(`conversations/${id}`, { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['conversations', 'list'] }),
  });
}
