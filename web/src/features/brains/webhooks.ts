import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { keys } from '@/lib/api/keys';
import { fetchAll } from '@/lib/api/paging';
import type { Delivery, Paged, Webhook, WebhookEvent, WebhookFault } from '@/lib/api/types';
import { request } from '@/lib/http';

export const EVENTS: WebhookEvent[] = [
  'document.ready',
  'document.failed',
  'document.cancelled',
  'document.deleted',
];
const SHOWN_DELIVERIES = 20;
const PENDING_REFRESH_MS = 3000;

export interface NewWebhook {
  url: string;
  description: string;
  events: WebhookEvent[];
}

export function useWebhooks(brain: string) {
  return useQuery({
    queryKey: keys.brainWebhooks(brain),
    queryFn: ({ signal }) => fetchAll<Webhook>(`brains/${brain}/webhooks`, signal),
  });
}

function useWebhooksChanged(brain: string) {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.brainWebhooks(brain) });
}

export function useAddWebhook(brain: string) {
  const onSuccess = useWebhooksChanged(brain);
  return useMutation({
    mutationFn: (body: NewWebhook) =>
      request<Webhook>(`brains/${brain}/webhooks`, { method: 'POST', body }),
    onSuccess,
    meta: { showsError: true },
  });
}

export function useChangeWebhook({ brain, id }: Webhook) {
  const onSuccess = useWebhooksChanged(brain);
  return useMutation({
    mutationFn: (body: NewWebhook) => request<Webhook>(`webhooks/${id}`, { method: 'PATCH', body }),
    onSuccess,
    meta: { showsError: true },
  });
}

export function useEnableWebhook({ brain, id }: Webhook) {
  const client = useQueryClient();
  const changed = useWebhooksChanged(brain);
  return useMutation({
    mutationFn: (enabled: boolean) =>
      request<Webhook>(`webhooks/${id}`, { method: 'PATCH', body: { enabled } }),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: keys.deliveries(id) });
      return changed();
    },
  });
}

export function useRotateSecret({ brain, id }: Webhook) {
  const onSuccess = useWebhooksChanged(brain);
  return useMutation({
    mutationFn: () => request<{ secret: string }>(`webhooks/${id}/rotate-secret`, { method: 'POST' }),
    onSuccess,
  });
}

export function useDeleteWebhook({ brain, id }: Webhook) {
  const onSettled = useWebhooksChanged(brain);
  return useMutation({
    mutationFn: () => request(`webhooks/${id}`, { method: 'DELETE' }),
    onSettled,
  });
}

/** The latest; asked for again while one of them is on its way. */
export function useDeliveries(webhook: string) {
  return useQuery({
    queryKey: keys.deliveries(webhook),
    queryFn: ({ signal }) =>
      request<Paged<Delivery>>(`webhooks/${webhook}/deliveries`, {
        query: { page_size: SHOWN_DELIVERIES },
        signal,
      }),
    refetchInterval: ({ state }) =>
      state.data?.results.some((delivery) => delivery.state === 'pending')
        ? PENDING_REFRESH_MS
        : false,
  });
}

function useSending<T>({ brain, id }: Webhook, path: (argument: T) => string) {
  const client = useQueryClient();
  const changed = useWebhooksChanged(brain);
  return useMutation({
    mutationFn: (argument: T) => request<Delivery>(path(argument), { method: 'POST' }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.deliveries(id) });
      return changed();
    },
  });
}

export function useTestWebhook(webhook: Webhook) {
  return useSending(webhook, () => `webhooks/${webhook.id}/test`);
}

export function useResend(webhook: Webhook) {
  return useSending(webhook, (delivery: string) => `deliveries/${delivery}/resend`);
}

/** Names of events, and sentences of faults: those of newer servers are shown as they come. */
export function useWebhookTexts() {
  const { t } = useTranslation();
  const translate = t as unknown as (key: string, options: { defaultValue: string }) => string;
  return {
    // A point would part the name into keys.
    eventName: (event: string) =>
      translate(`webhooks.event.${event.replace('.', '-')}`, { defaultValue: event }),
    faultText: ({ code, sentence }: WebhookFault) =>
      translate(`webhooks.faults.${code}`, { defaultValue: sentence || code }),
  };
}
