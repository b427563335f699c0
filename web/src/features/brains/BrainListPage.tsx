import { Badge, Button, Card, Group, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconBrain, IconFileText, IconPlus, IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { EmptyState } from '@/components/EmptyState';
import { ErrorNotice } from '@/components/ErrorNotice';
import { PageFrame } from '@/components/PageFrame';
import { SearchInput } from '@/components/SearchInput';
import { TimeAgo } from '@/components/TimeAgo';
import { brainsQuery } from '@/lib/api/queries';
import type { Brain } from '@/lib/api/types';

import { BrainCreate } from './BrainCreate';
import classes from './BrainListPage.module.css';

const SKELETONS = [1, 2, 3];

export function BrainListPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const [isCreating, creating] = useDisclosure();
  const brains = useQuery(brainsQuery);
  const found = (brains.data ?? []).filter((brain) => matches(brain, search));
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={creating.open}>
      {t('brains.create')}
    </Button>
  );
  return (
    <PageFrame title={t('brains.title')} text={t('brains.text')} actions={create}>
      {(brains.data?.length ?? 0) > 0 && (
        <SearchInput
          mb="md"
          maw={360}
          value={search}
          onChange={setSearch}
          placeholder={t('brains.searchPlaceholder')}
        />
      )}
      {brains.isError && <ErrorNotice error={brains.error} onRetry={() => void brains.refetch()} />}
      {brains.data?.length === 0 && (
        <EmptyState
          icon={<IconBrain size={28} />}
          title={t('brains.emptyTitle')}
          text={t('brains.emptyText')}
        >
          <Button mt="sm" variant="light" onClick={creating.open}>
            {t('brains.create')}
          </Button>
        </EmptyState>
      )}
      {brains.data && brains.data.length > 0 && found.length === 0 && (
        <Text c="dimmed">{t('common.nothingMatches', { search })}</Text>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} aria-busy={brains.isPending}>
        {brains.isPending && SKELETONS.map((each) => <Skeleton key={each} h={168} radius="md" />)}
        {found.map((brain) => (
          <BrainCard key={brain.id} brain={brain} />
        ))}
      </SimpleGrid>
      <BrainCreate opened={isCreating} onClose={creating.close} />
    </PageFrame>
  );
}

function BrainCard({ brain }: { brain: Brain }) {
  const { t } = useTranslation();
  return (
    <Card component={Link} to={`/brains/${brain.id}`} withBorder padding="lg" className={classes.card}>
      <Stack gap={6} h="100%">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Title order={2} size="h5" lineClamp={2} className="break">
            {brain.name}
          </Title>
          <Badge variant="light" color="gray" flex="none">
            {t(`roles.${brain.role}`)}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed" lineClamp={3} flex={1} className="break">
          {brain.description}
        </Text>
        <Group gap="4px 16px" fz="xs" c="dimmed" mt="sm">
          <Group gap={4}>
            <IconFileText size={14} aria-hidden />
            {t('brains.documents', { count: brain.documents_count })}
          </Group>
          <Group gap={4}>
            <IconUsers size={14} aria-hidden />
            {t('brains.members', { count: brain.members_count })}
          </Group>
          <TimeAgo iso={brain.updated_at}>{(when) => t('brains.updated', { when })}</TimeAgo>
        </Group>
      </Stack>
    </Card>
  );
}

function matches(brain: Brain, search: string): boolean {
  const wanted = search.trim().toLocaleLowerCase();
  return `${brain.name}\n${brain.description}`.toLocaleLowerCase().includes(wanted);
}
