/** Queries that more than one feature asks. */
import { queryOptions } from '@tanstack/react-query';

import { request } from '../http';
import { isSignedOut } from '../problem';
import { keys } from './keys';
import { fetchAll } from './paging';
import type { Brain, ChatModel, GroupName, Site, User } from './types';

const MINUTE_MS = 60_000;

export const siteQuery = queryOptions({
  queryKey: keys.site,
  queryFn: ({ signal }) => request<Site>('site', { signal }),
  staleTime: 10 * MINUTE_MS,
});

/** The person who is signed in, or `null`. */
export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: async ({ signal }): Promise<User | null> => {
    try {
      return await request<User>('auth/me', { signal });
    } catch (error) {
      if (isSignedOut(error)) return null;
      throw error;
    }
  },
  staleTime: 5 * MINUTE_MS,
});

export const modelsQuery = queryOptions({
  queryKey: keys.models,
  queryFn: ({ signal }) => fetchAll<ChatModel>('models', signal),
  staleTime: MINUTE_MS,
});

export const groupsQuery = queryOptions({
  queryKey: keys.groups,
  queryFn: ({ signal }) => fetchAll<GroupName>('groups', signal),
  staleTime: MINUTE_MS,
});

/** All brains of the person; few enough to be searched here. */
export const brainsQuery = queryOptions({
  queryKey: keys.brainList,
  queryFn: ({ signal }) => fetchAll<Brain>('brains', signal),
});

export const brainQuery = (id: string) =>
  queryOptions({
    queryKey: keys.brain(id),
    queryFn: ({ signal }) => request<Brain>(`brains/${id}`, { signal }),
  });
