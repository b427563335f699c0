import { Badge, Button, Card, Group, Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import { noticeDone } from '@/components/notices';
import { TimeAgo } from '@/components/TimeAgo';
import type { Delivery, Webhook } from '@/lib/api/types';
import { formatDateTime } from '@/lib/format';

import classes from './BrainMembers.module.css';
import { useDeliveries, useResend, useWebhookTexts } from './webhooks';

const COLORS = { pending: 'blue', delivered: 'teal', failed: 'red' };

export function WebhookDeliveries({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  const deliveries = useDeliveries(webhook.id);
  if (deliveries.isPending) return <Skeleton h={60} />;
  if (deliveries.isError) {
    return <ErrorNotice error={deliveries.error} onRetry={() => void deliveries.refetch()} />;
  }
  if (deliveries.data.results.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t('webhooks.deliveriesEmpty')}
      </Text>
    );
  }
  return (
    <Card withBorder padding={0} component="ul" className={classes.list}>
      {deliveries.data.results.map((delivery) => (
        <li key={delivery.id} className={classes.row}>
          <DeliveryRow webhook={webhook} delivery={delivery} />
        </li>
      ))}
    </Card>
  );
}

function DeliveryRow({ webhook, delivery }: { webhook: Webhook; delivery: Delivery }) {
  const { t, i18n } = useTranslation();
  const { eventName, faultText } = useWebhookTexts();
  const resend = useResend(webhook);
  const event = eventName(delivery.event);
  const title = delivery.content.title ?? '';
  const next = delivery.attempts.length > 0 ? delivery.next_attempt_at : null;
  return (
    <Group wrap="nowrap" gap="sm" justify="space-between">
      <div style={{ minWidth: 0 }}>
        <Group gap="0 8px">
          <Text size="sm" truncate>
            {title === '' ? event : `${event}: ${title}`}
          </Text>
          <Badge size="xs" variant="light" tt="none" color={COLORS[delivery.state]}>
            {t(`webhooks.state.${delivery.state}`)}
          </Badge>
        </Group>
        <Group gap="0 10px" fz="xs" c="dimmed">
          <TimeAgo iso={delivery.created_at} />
          {delivery.status_code !== null && <span>HTTP {delivery.status_code}</span>}
          {delivery.attempts.length > 0 && (
            <span>{t('webhooks.attempts', { count: delivery.attempts.length })}</span>
          )}
          {next !== null && (
            <span>
              {t('webhooks.nextAttempt', { when: formatDateTime(next, i18n.language) })}
            </span>
          )}
        </Group>
        {delivery.error && (
          <Text size="xs" c="red">
            {faultText(delivery.error)}
          </Text>
        )}
      </div>
      <Button
        size="xs"
        variant="subtle"
        flex="none"
        aria-label={t('webhooks.resendOf', { event, title })}
        disabled={!webhook.enabled}
        loading={resend.isPending}
        onClick={() =>
          resend.mutate(delivery.id, { onSuccess: () => noticeDone(t('webhooks.resent')) })
        }
      >
        {t('webhooks.resend')}
      </Button>
    </Group>
  );
}
