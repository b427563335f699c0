import { Stack, Tabs } from '@mantine/core';
import { IconKey, IconUser } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';

import { PageFrame } from '@/components/PageFrame';

import { ApiKeyList } from './ApiKeyList';
import { PasswordForm } from './PasswordForm';
import { ProfileForm } from './ProfileForm';

export function SettingsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { tab = 'profile' } = useParams();
  return (
    <PageFrame title={t('settings.title')}>
      <Tabs
        value={tab === 'api-keys' ? tab : 'profile'}
        onChange={(next) => void navigate(`/settings/${next ?? 'profile'}`)}
        keepMounted={false}
      >
        <Tabs.List mb="lg" className="scroll-tabs">
          <Tabs.Tab value="profile" leftSection={<IconUser size={16} />}>
            {t('settings.profile')}
          </Tabs.Tab>
          <Tabs.Tab value="api-keys" leftSection={<IconKey size={16} />}>
            {t('apiKeys.title')}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="profile">
          <Stack maw={560} gap="xl">
            <ProfileForm />
            <PasswordForm />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="api-keys">
          <ApiKeyList />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}
