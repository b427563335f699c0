import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { keys } from '@/lib/api/keys';
import { meQuery } from '@/lib/api/queries';
import type { Language, User } from '@/lib/api/types';
import { forgetCsrfToken, request } from '@/lib/http';
import { setLanguage } from '@/lib/i18n';

export function useUser(): User | null {
  return useQuery(meQuery).data ?? null;
}

/** What stays when somebody else signs in. */
const PUBLIC = new Set<string>([keys.me[0], keys.site[0]]);

/** Begins with nothing that the person before could see. */
function useEnter() {
  const client = useQueryClient();
  return async (user: User) => {
    forgetCsrfToken();
    client.removeQueries({ predicate: ({ queryKey }) => !PUBLIC.has(String(queryKey[0])) });
    client.setQueryData(keys.me, user);
    await setLanguage(user.language);
  };
}

export function useSignIn() {
  const enter = useEnter();
  return useMutation({
    mutationFn: (body: { email: string; password: string }) =>
      request<User>('auth/login', { method: 'POST', body }),
    onSuccess: enter,
    meta: { showsError: true },
  });
}

export interface SignUpForm {
  email: string;
  password: string;
  name: string;
  language: Language;
}

export function useSignUp() {
  const enter = useEnter();
  return useMutation({
    mutationFn: (body: SignUpForm) => request<User>('auth/sign-up', { method: 'POST', body }),
    onSuccess: enter,
    meta: { showsError: true },
  });
}

export function useSignOut() {
  return useMutation({
    mutationFn: () => request('auth/logout', { method: 'POST' }),
    // A fresh page: nothing of this person stays in memory.
    onSuccess: () => window.location.assign('/sign-in'),
  });
}

export function useChangeProfile() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Partial<Pick<User, 'name' | 'language'>>) =>
      request<User>('auth/me', { method: 'PATCH', body }),
    onSuccess: async (user) => {
      client.setQueryData(keys.me, user);
      await setLanguage(user.language);
    },
  });
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { current: string; new: string }) =>
      request('auth/password', { method: 'POST', body }),
    // The server renews the session, and the token with it.
    onSuccess: forgetCsrfToken,
    meta: { showsError: true },
  });
}
