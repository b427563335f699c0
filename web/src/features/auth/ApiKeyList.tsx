import { Badge, Button, Card, Code, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { confirmDanger } from '@/components/confirm';
import { EmptyState } from '@/components/EmptyState';
import { ErrorNotice } from '@/components/ErrorNotice';
import { TimeAgo } from '@/components/TimeAgo';
import type { ApiKey } from '@/lib/api/types';
import { formatDate } from '@/lib/format';

import { useApiKeys, useRevokeApiKey } from './api-keys';
import { ApiKeyCreate } from './ApiKeyCreate';

export function ApiKeyList() {
  const { t } = useTranslation();
  const [isCreating, creating] = useDisclosure();
  const apiKeys = useApiKeys();
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed" flex="1 1 260px">
          {t('apiKeys.text')}
        </Text>
        <Button leftSection={<IconPlus size={16} />} onClick={creating.open}>
          {t('apiKeys.create')}
        </Button>
      </Group>
      {apiKeys.isPending && <Skeleton h={90} />}
      {apiKeys.isError && (
        <ErrorNotice error={apiKeys.error} onRetry={() => void apiKeys.refetch()} />
      )}
      {apiKeys.data?.length === 0 && (
        <EmptyState
          icon={<IconKey size={28} />}
          title={t('apiKeys.emptyTitle')}
          text={t('apiKeys.emptyText')}
        />
      )}
      {apiKeys.data?.map((apiKey) => (
        <ApiKeyCard key={apiKey.id} apiKey={apiKey} />
      ))}
      <ApiKeyCreate opened={isCreating} onClose={creating.close} />
    </Stack>
  );
}

function ApiKeyCard({ apiKey }: { apiKey: ApiKey }) {
  const { t, i18n } = useTranslation();
  const revoke = useRevokeApiKey();
  const ends = apiKey.expires_at;
  const hasEnded = ends !== null && new Date(ends) < new Date();
  const askToRevoke = () =>
    confirmDanger({
      title: t('apiKeys.revokeTitle', { name: apiKey.name }),
      text: t('apiKeys.revokeText'),
      confirm: t('apiKeys.revoke'),
      onConfirm: () => revoke.mutate(apiKey.id),
    });
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" align="flex-start">
        <Stack gap={6} flex="1 1 260px" miw={0}>
          <Group gap="xs">
            <Text fw={600} className="break">
              {apiKey.name}
            </Text>
            <Code>{apiKey.prefix}…</Code>
          </Group>
          <Group gap={6}>
            {apiKey.scopes.map((scope) => (
              <Badge key={scope} variant="light" tt="none">
                {t(`apiKeys.scope.${scope}`)}
              </Badge>
            ))}
          </Group>
          <Group gap="md" fz="xs" c="dimmed">
            <TimeAgo iso={apiKey.created_at}>{(when) => t('apiKeys.created', { when })}</TimeAgo>
            {apiKey.last_used_at ? (
              <TimeAgo iso={apiKey.last_used_at}>
                {(when) => t('apiKeys.lastUsed', { when })}
              </TimeAgo>
            ) : (
              <span>{t('apiKeys.neverUsed')}</span>
            )}
            {ends !== null && (
              <span>
                {t(hasEnded ? 'apiKeys.ended' : 'apiKeys.endsOn', {
                  when: formatDate(ends, i18n.language),
                })}
              </span>
            )}
          </Group>
        </Stack>
        <Button
          variant="light"
          color="red"
          size="xs"
          loading={revoke.isPending}
          onClick={askToRevoke}
        >
          {t('apiKeys.revoke')}
        </Button>
      </Group>
    </Card>
  );
}
