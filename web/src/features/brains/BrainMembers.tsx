import { ActionIcon, Avatar, Badge, Card, Group, Select, Skeleton, Stack, Text, Tooltip } from '@mantine/core';
import { IconLogout, IconUserMinus, IconUsersGroup } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { confirmDanger } from '@/components/confirm';
import { ErrorNotice } from '@/components/ErrorNotice';
import { PersonAvatar } from '@/components/PersonAvatar';
import { meQuery } from '@/lib/api/queries';
import type { Brain, BrainMember } from '@/lib/api/types';

import { useChangeMember, useMembers, useRemoveMember } from './api';
import classes from './BrainMembers.module.css';
import { MemberAdd } from './MemberAdd';
import { isRole, useRoleOptions } from './roles';

export function BrainMembers({ brain }: { brain: Brain }) {
  const { t } = useTranslation();
  const members = useMembers(brain.id);
  return (
    <Stack maw={760}>
      <Text c="dimmed">{t('brains.membersText')}</Text>
      {brain.role === 'owner' && <MemberAdd brain={brain.id} />}
      {members.isPending && <Skeleton h={140} />}
      {members.isError && (
        <ErrorNotice error={members.error} onRetry={() => void members.refetch()} />
      )}
      {members.data && (
        <Card withBorder padding={0} component="ul" className={classes.list}>
          {members.data.map((member) => (
            <li key={member.id} className={classes.row}>
              <MemberRow brain={brain} member={member} />
            </li>
          ))}
        </Card>
      )}
    </Stack>
  );
}

function MemberRow({ brain, member }: { brain: Brain; member: BrainMember }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const me = useQuery(meQuery).data;
  const change = useChangeMember(brain.id);
  const remove = useRemoveMember(brain.id);
  const roles = useRoleOptions();
  const isOwner = brain.role === 'owner';
  const isMe = member.user !== null && member.user.id === me?.id;
  const { name, detail } = describe(member);
  const removeLabel = isMe ? t('brains.leave') : t('brains.removeMember', { name });

  const askToRemove = () =>
    confirmDanger({
      title: isMe ? t('brains.leaveTitle') : t('brains.removeTitle', { name }),
      text: isMe ? t('brains.leaveText') : t('brains.removeText'),
      confirm: isMe ? t('brains.leave') : t('common.remove'),
      onConfirm: () =>
        remove.mutate(member.id, {
          onSuccess: () => {
            if (isMe) void navigate('/brains');
          },
        }),
    });

  return (
    <Group wrap="nowrap" gap="sm">
      {member.group ? (
        <Avatar size={34} color="gray" alt="">
          <IconUsersGroup size={18} />
        </Avatar>
      ) : (
        <PersonAvatar name={name} size={34} />
      )}
      <div style={{ flex: 1, minWidth: 0 }}>
        <Group gap="0 6px">
          <Text size="sm" fw={500} truncate>
            {name}
          </Text>
          {isMe && (
            <Badge size="xs" variant="light" flex="none">
              {t('brains.you')}
            </Badge>
          )}
          {member.group && (
            <Badge size="xs" variant="light" color="gray" flex="none">
              {t('brains.group')}
            </Badge>
          )}
        </Group>
        {detail !== '' && (
          <Text size="xs" c="dimmed" truncate>
            {detail}
          </Text>
        )}
      </div>
      {isOwner ? (
        <Select
          size="xs"
          w={110}
          data={roles}
          allowDeselect={false}
          aria-label={t('brains.roleOf', { name })}
          value={change.isPending ? change.variables.role : member.role}
          disabled={change.isPending}
          onChange={(role) => {
            if (isRole(role)) change.mutate({ id: member.id, role });
          }}
        />
      ) : (
        <Text size="sm" c="dimmed">
          {t(`roles.${member.role}`)}
        </Text>
      )}
      {isOwner && (
        <Tooltip label={removeLabel}>
          <ActionIcon
            variant="subtle"
            color="red"
            aria-label={removeLabel}
            loading={remove.isPending}
            onClick={askToRemove}
          >
            {isMe ? <IconLogout size={17} /> : <IconUserMinus size={17} />}
          </ActionIcon>
        </Tooltip>
      )}
    </Group>
  );
}

function describe({ user, group }: BrainMember): { name: string; detail: string } {
  if (group) return { name: group.name, detail: '' };
  if (!user) return { name: '–', detail: '' };
  return user.name ? { name: user.name, detail: user.email } : { name: user.email, detail: '' };
}
