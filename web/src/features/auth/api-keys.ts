import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { keys } from '@/lib/api/keys';
import { fetchAll } from '@/lib/api/paging';
import type { ApiKey, Scope } from '@/lib/api/types';
import { request } from '@/lib/http';

export const SCOPES: Scope[] = ['brains:read', 'brains:write', 'chat'];

export function useApiKeys() {
  return useQuery({
    queryKey: keys.apiKeys,
    queryFn: ({ signal }) => fetchAll<ApiKey>('auth/api-keys', signal),
  });
}

export interface ApiKeyForm {
  name: string;
  scopes: Scope[];
  expires_at: string | null;
}

export function useCreateApiKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ApiKeyForm) => request<ApiKey>('auth/api-keys', { method: 'POST', body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.apiKeys }),
    meta: { showsError: true },
  });
}

export function useRevokeApiKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => request(`auth/api-keys/${id}`, { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.apiKeys }),
  });
}
