import { Alert, Badge, Button, Card, Collapse, Group, Modal, Stack, Switch, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { confirmDanger } from '@/components/confirm';
import { noticeDone } from '@/components/notices';
import { SecretOnce } from '@/components/SecretOnce';
import { TimeAgo } from '@/components/TimeAgo';
import type { Webhook } from '@/lib/api/types';

import { WebhookChange } from './WebhookChange';
import { WebhookDeliveries } from './WebhookDeliveries';
import {
  useDeleteWebhook,
  useEnableWebhook,
  useRotateSecret,
  useTestWebhook,
  useWebhookTexts,
} from './webhooks';

export function WebhookCard({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  const { eventName, faultText } = useWebhookTexts();
  const [isShowing, showing] = useDisclosure();
  const enable = useEnableWebhook(webhook);
  return (
    <Card withBorder padding="md" component="article" aria-label={webhook.url}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" wrap="nowrap">
          <div style={{ minWidth: 0 }}>
            <Text fw={600} size="sm" className="break">
              {webhook.url}
            </Text>
            {webhook.description !== '' && (
              <Text size="xs" c="dimmed" className="break">
                {webhook.description}
              </Text>
            )}
          </div>
          <Switch
            aria-label={t('webhooks.enabled', { url: webhook.url })}
            checked={enable.isPending ? enable.variables : webhook.enabled}
            disabled={enable.isPending}
            onChange={(event) => enable.mutate(event.currentTarget.checked)}
          />
        </Group>
        <Group gap={6}>
          {!webhook.enabled && (
            <Badge variant="light" color="gray" tt="none">
              {t('webhooks.off')}
            </Badge>
          )}
          {webhook.events.map((event) => (
            <Badge key={event} variant="light" tt="none">
              {eventName(event)}
            </Badge>
          ))}
        </Group>
        {webhook.disabled && (
          <Alert color="red" p="xs" icon={<IconAlertTriangle aria-hidden />}>
            {faultText(webhook.disabled)}
          </Alert>
        )}
        {webhook.enabled && webhook.failing_since !== null && (
          <Text size="xs" c="red">
            <TimeAgo iso={webhook.failing_since}>
              {(when) => t('webhooks.failing', { when })}
            </TimeAgo>
          </Text>
        )}
        <WebhookActions
          webhook={webhook}
          isShowing={isShowing}
          onToggle={showing.toggle}
          onTested={showing.open}
        />
        <Collapse expanded={isShowing} id={deliveriesId(webhook)}>
          {isShowing && <WebhookDeliveries webhook={webhook} />}
        </Collapse>
      </Stack>
    </Card>
  );
}

interface WebhookActionsProps {
  webhook: Webhook;
  isShowing: boolean;
  onToggle: () => void;
  onTested: () => void;
}

function WebhookActions({ webhook, isShowing, onToggle, onTested }: WebhookActionsProps) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<string | null>(null);
  const test = useTestWebhook(webhook);
  const rotate = useRotateSecret(webhook);
  const remove = useDeleteWebhook(webhook);

  const forget = () => setSecret(null);
  const sendTest = () =>
    test.mutate(undefined, {
      onSuccess: () => {
        noticeDone(t('webhooks.tested'));
        onTested();
      },
    });
  const askToRotate = () =>
    confirmDanger({
      title: t('webhooks.rotateTitle'),
      text: t('webhooks.rotateText'),
      confirm: t('webhooks.rotate'),
      onConfirm: () => rotate.mutate(undefined, { onSuccess: (made) => setSecret(made.secret) }),
    });
  const askToDelete = () =>
    confirmDanger({
      title: t('webhooks.deleteTitle'),
      text: t('webhooks.deleteText', { url: webhook.url }),
      confirm: t('common.delete'),
      onConfirm: () => remove.mutate(),
    });

  return (
    <Group gap="xs">
      <Button
        size="xs"
        variant="light"
        loading={test.isPending}
        disabled={!webhook.enabled}
        onClick={sendTest}
      >
        {t('webhooks.test')}
      </Button>
      <Button
        size="xs"
        variant="light"
        aria-expanded={isShowing}
        aria-controls={deliveriesId(webhook)}
        onClick={onToggle}
      >
        {t('webhooks.deliveries')}
      </Button>
      <WebhookChange webhook={webhook} />
      <Button size="xs" variant="light" loading={rotate.isPending} onClick={askToRotate}>
        {t('webhooks.rotate')}
      </Button>
      <Button
        size="xs"
        variant="light"
        color="red"
        loading={remove.isPending}
        onClick={askToDelete}
      >
        {t('common.delete')}
      </Button>
      <Modal
        opened={secret !== null}
        onClose={forget}
        title={t('webhooks.secretTitle')}
        // Closed by its button alone, for it is never shown again.
        closeOnClickOutside={false}
        closeOnEscape={false}
        withCloseButton={false}
      >
        <SecretOnce
          secret={secret ?? ''}
          text={t('webhooks.secretText')}
          done={t('webhooks.secretDone')}
          onDone={forget}
        />
      </Modal>
    </Group>
  );
}

function deliveriesId({ id }: Webhook): string {
  return `deliveries-${id}`;
}
