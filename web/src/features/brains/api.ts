import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { keys } from '@/lib/api/keys';
import { fetchAll } from '@/lib/api/paging';
import type { Brain, BrainMember, BrainRole } from '@/lib/api/types';
import { request } from '@/lib/http';

export interface BrainForm {
  name: string;
  description: string;
  instructions: string;
  model: string | null;
  rewrites_questions: boolean;
}

export function useCreateBrain() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Partial<BrainForm>) => request<Brain>('brains', { method: 'POST', body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.brainList }),
    meta: { showsError: true },
  });
}

export function useChangeBrain(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Partial<BrainForm>) =>
      request<Brain>(`brains/${id}`, { method: 'PATCH', body }),
    onSuccess: (brain) => {
      client.setQueryData(keys.brain(id), brain);
      // Conversations show the name of their brain and its model.
      void client.invalidateQueries({ queryKey: keys.conversations });
      return client.invalidateQueries({ queryKey: keys.brainList });
    },
    meta: { showsError: true },
  });
}

export function useDeleteBrain(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request(`brains/${id}`, { method: 'DELETE' }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.conversations });
      return client.invalidateQueries({ queryKey: keys.brainList });
    },
  });
}

export function useMembers(brain: string) {
  return useQuery({
    queryKey: keys.brainMembers(brain),
    queryFn: ({ signal }) => fetchAll<BrainMember>(`brains/${brain}/members`, signal),
  });
}

export interface NewMember {
  email?: string;
  group?: number | string;
  role: BrainRole;
}

/** Changes of members can change one's own role, so the brain itself is read again, too. */
function useMembersChanged() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.brains });
}

export function useAddMember(brain: string) {
  const onSuccess = useMembersChanged();
  return useMutation({
    mutationFn: (body: NewMember) =>
      request<BrainMember>(`brains/${brain}/members`, { method: 'POST', body }),
    onSuccess,
    meta: { showsError: true },
  });
}

export function useChangeMember(brain: string) {
  const onSettled = useMembersChanged();
  return useMutation({
    mutationFn: ({ id, role }: { id: string; role: BrainRole }) =>
      request<BrainMember>(`brains/${brain}/members/${id}`, { method: 'PATCH', body: { role } }),
    onSettled,
  });
}

export function useRemoveMember(brain: string) {
  const onSettled = useMembersChanged();
  return useMutation({
    mutationFn: (id: string) => request(`brains/${brain}/members/${id}`, { method: 'DELETE' }),
    onSettled,
  });
}
