import { Group, Menu, Text, UnstyledButton } from '@mantine/core';
import {
  IconApi,
  IconKey,
  IconLogout,
  IconSelector,
  IconSettings,
  IconShieldCog,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { PersonAvatar } from '@/components/PersonAvatar';
import { LanguageControl } from '@/features/auth/LanguageControl';
import { useSignOut, useUser } from '@/features/auth/session';
import { ThemeControl } from '@/features/auth/ThemeControl';

import classes from './ShellAccount.module.css';

export function ShellAccount({ onNavigate }: { onNavigate?: () => void }) {
  const { t } = useTranslation();
  const user = useUser();
  const signOut = useSignOut();
  if (user === null) return null;
  const name = user.name || user.email;
  return (
    <Menu width={264} position="top-start" withinPortal>
      <Menu.Target>
        <UnstyledButton className={classes.account}>
          <span className="visually-hidden">{t('nav.account')}</span>
          <Group gap="sm" wrap="nowrap">
            <PersonAvatar name={name} size={32} />
            <div className={classes.who}>
              <Text size="sm" fw={500} truncate>
                {name}
              </Text>
              {user.name !== '' && (
                <Text size="xs" c="dimmed" truncate>
                  {user.email}
                </Text>
              )}
            </div>
            <IconSelector size={16} aria-hidden />
          </Group>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('nav.theme')}</Menu.Label>
        <div className={classes.control}>
          <ThemeControl size="xs" />
        </div>
        <Menu.Label>{t('nav.language')}</Menu.Label>
        <div className={classes.control}>
          <LanguageControl size="xs" />
        </div>
        <Menu.Divider />
        <Menu.Item
          component={Link}
          to="/settings"
          leftSection={<IconSettings size={16} />}
          onClick={onNavigate}
        >
          {t('nav.settings')}
        </Menu.Item>
        <Menu.Item
          component={Link}
          to="/settings/api-keys"
          leftSection={<IconKey size={16} />}
          onClick={onNavigate}
        >
          {t('nav.apiKeys')}
        </Menu.Item>
        <Menu.Item
          component="a"
          href="/api/v1/docs"
          target="_blank"
          leftSection={<IconApi size={16} />}
        >
          {t('nav.apiDocs')}
        </Menu.Item>
        {user.role === 'admin' && (
          <Menu.Item
            component="a"
            href="/admin/"
            target="_blank"
            leftSection={<IconShieldCog size={16} />}
          >
            {t('nav.admin')}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={16} />}
          disabled={signOut.isPending}
          onClick={() => signOut.mutate()}
        >
          {t('nav.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
