import { ActionIcon, Group, Image, NavLink, Stack, Text, Tooltip } from '@mantine/core';
import { IconBrain, IconEdit, IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';

import { ConversationList } from '@/features/chat/ConversationList';

import { ShellAccount } from './ShellAccount';
import { ShellConnection } from './ShellConnection';
import classes from './ShellNavbar.module.css';

interface ShellNavbarProps {
  /** Closes the menu on a phone. */
  onNavigate?: () => void;
}

export function ShellNavbar({ onNavigate }: ShellNavbarProps) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  return (
    <nav className={classes.navbar} aria-label={t('app.sections')}>
      <Group justify="space-between" px="md" pt="md" pb="xs" wrap="nowrap">
        <Group component={Link} {...{ to: '/' }} gap={10} className={classes.brand} onClick={onNavigate}>
          <Image src="/favicon.svg" w={28} h={28} alt="" />
          <Text fw={700} size="lg">
            {t('app.name')}
          </Text>
        </Group>
        <Group gap={4} wrap="nowrap">
          <Tooltip label={t('nav.newConversation')}>
            <ActionIcon
              component={Link}
              to="/chat"
              variant="light"
              size="lg"
              aria-label={t('nav.newConversation')}
              onClick={onNavigate}
            >
              <IconEdit size={18} />
            </ActionIcon>
          </Tooltip>
          {onNavigate && (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t('app.closeMenu')}
              onClick={onNavigate}
            >
              <IconX size={18} />
            </ActionIcon>
          )}
        </Group>
      </Group>
      <Stack gap={2} px="xs" pb="xs">
        <NavLink
          component={Link}
          to="/brains"
          label={t('nav.brains')}
          leftSection={<IconBrain size={18} aria-hidden />}
          active={pathname.startsWith('/brains')}
          aria-current={pathname === '/brains' ? 'page' : undefined}
          className={classes.link}
          onClick={onNavigate}
        />
      </Stack>
      <ConversationList onNavigate={onNavigate} />
      <div className={classes.foot}>
        <ShellConnection />
        <ShellAccount onNavigate={onNavigate} />
      </div>
    </nav>
  );
}
