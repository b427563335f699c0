import { Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconWebhook } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { EmptyState } from '@/components/EmptyState';
import { ErrorNotice } from '@/components/ErrorNotice';

import { WebhookAdd } from './WebhookAdd';
import { WebhookCard } from './WebhookCard';
import { useWebhooks } from './webhooks';

export function WebhookList({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const [isAdding, adding] = useDisclosure();
  const webhooks = useWebhooks(brain);
  return (
    <Stack component="section" aria-labelledby="webhooks-title">
      <Group justify="space-between" align="flex-end">
        <div style={{ flex: '1 1 260px' }}>
          <Title order={2} size="h5" id="webhooks-title">
            {t('webhooks.title')}
          </Title>
          <Text size="sm" c="dimmed" mt={4}>
            {t('webhooks.text')}
          </Text>
        </div>
        <Button variant="light" leftSection={<IconPlus size={16} />} onClick={adding.open}>
          {t('webhooks.add')}
        </Button>
      </Group>
      {webhooks.isPending && <Skeleton h={90} />}
      {webhooks.isError && (
        <ErrorNotice error={webhooks.error} onRetry={() => void webhooks.refetch()} />
      )}
      {webhooks.data?.length === 0 && (
        <EmptyState
          icon={<IconWebhook size={28} />}
          title={t('webhooks.emptyTitle')}
          text={t('webhooks.emptyText')}
        />
      )}
      {webhooks.data?.map((webhook) => (
        <WebhookCard key={webhook.id} webhook={webhook} />
      ))}
      <WebhookAdd brain={brain} opened={isAdding} onClose={adding.close} />
    </Stack>
  );
}
