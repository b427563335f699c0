import { Badge, Button, Group, Skeleton, Tabs } from '@mantine/core';
import { IconArrowLeft, IconFileText, IconMessageCircle, IconSettings, IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { PageFrame } from '@/components/PageFrame';
import { brainQuery } from '@/lib/api/queries';
import type { Brain } from '@/lib/api/types';

import { BrainMembers } from './BrainMembers';
import { BrainSettings } from './BrainSettings';

interface BrainFrameProps {
  brainId: string;
  tab: string | undefined;
  /** What the first tab shows. */
  documents: (brain: Brain) => ReactNode;
}

const TABS = ['documents', 'members', 'settings'];

export function BrainFrame({ brainId, tab, documents }: BrainFrameProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const brain = useQuery(brainQuery(brainId));
  if (brain.isPending) {
    return (
      <PageFrame title={t('app.loading')}>
        <Skeleton h={200} />
      </PageFrame>
    );
  }
  if (brain.isError) {
    return (
      <PageFrame title={t('brains.title')}>
        <ErrorNotice error={brain.error} onRetry={() => void brain.refetch()} />
        <Button
          component={Link}
          to="/brains"
          variant="subtle"
          mt="md"
          leftSection={<IconArrowLeft size={16} />}
        >
          {t('brains.title')}
        </Button>
      </PageFrame>
    );
  }
  const current = tab !== undefined && TABS.includes(tab) ? tab : 'documents';
  const actions = (
    <Group gap="sm">
      <Badge variant="light" color="gray">
        {t(`roles.${brain.data.role}`)}
      </Badge>
      <Button
        component={Link}
        to={`/chat?brain=${brainId}`}
        leftSection={<IconMessageCircle size={16} />}
      >
        {t('brains.ask')}
      </Button>
    </Group>
  );
  return (
    <PageFrame title={brain.data.name} text={brain.data.description} actions={actions}>
      <Tabs
        value={current}
        onChange={(next) => void navigate(`/brains/${brainId}/${next ?? 'documents'}`)}
        keepMounted={false}
      >
        <Tabs.List mb="lg" className="scroll-tabs">
          <Tabs.Tab value="documents" leftSection={<IconFileText size={16} />}>
            {t('brains.tabDocuments')}
          </Tabs.Tab>
          <Tabs.Tab value="members" leftSection={<IconUsers size={16} />}>
            {t('brains.tabMembers')}
          </Tabs.Tab>
          <Tabs.Tab value="settings" leftSection={<IconSettings size={16} />}>
            {t('brains.tabSettings')}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="documents">{documents(brain.data)}</Tabs.Panel>
        <Tabs.Panel value="members">
          <BrainMembers brain={brain.data} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <BrainSettings key={brain.data.id} brain={brain.data} />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}
