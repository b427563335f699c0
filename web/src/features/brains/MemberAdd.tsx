import { Button, Card, Group, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import { noticeDone } from '@/components/notices';
import { groupsQuery } from '@/lib/api/queries';
import type { BrainRole } from '@/lib/api/types';

import { useAddMember } from './api';
import { useRoleOptions } from './roles';

export function MemberAdd({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const roles = useRoleOptions();
  const groups = useQuery(groupsQuery).data ?? [];
  const add = useAddMember(brain);
  const form = useForm({
    initialValues: { kind: 'person', email: '', group: null as string | null, role: 'viewer' as BrainRole },
    validate: {
      email: (email, { kind }) =>
        kind === 'person' && !email.includes('@') ? t('auth.emailInvalid') : null,
      group: (group, { kind }) => (kind === 'group' && group === null ? t('auth.required') : null),
    },
  });
  const isPerson = form.values.kind === 'person';

  const submit = form.onSubmit(({ kind, email, group, role }) => {
    const chosen = groups.find((each) => String(each.id) === group);
    const member = kind === 'person' ? { email: email.trim(), role } : { group: chosen?.id, role };
    add.mutate(member, {
      onSuccess: () => {
        form.setValues({ email: '', group: null });
        noticeDone(t('brains.memberAdded'));
      },
    });
  });

  return (
    <Card withBorder padding="md">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Group justify="space-between">
            <Text fw={600} size="sm">
              {t('brains.addTitle')}
            </Text>
            <SegmentedControl
              size="xs"
              aria-label={t('brains.addTitle')}
              data={[
                { value: 'person', label: t('brains.addPerson') },
                { value: 'group', label: t('brains.addGroup') },
              ]}
              value={form.values.kind}
              onChange={(kind) => {
                form.setFieldValue('kind', kind);
                add.reset();
              }}
            />
          </Group>
          {add.isError && <ErrorNotice error={add.error} />}
          <Group align="flex-start" gap="sm">
            {isPerson ? (
              <TextInput
                flex="1 1 220px"
                type="email"
                aria-label={t('brains.memberEmail')}
                placeholder={t('brains.memberEmail')}
                autoComplete="off"
                {...form.getInputProps('email')}
              />
            ) : (
              <Select
                flex="1 1 220px"
                aria-label={t('brains.memberGroup')}
                placeholder={t('brains.memberGroup')}
                nothingFoundMessage={t('brains.noGroups')}
                searchable
                data={groups.map((group) => ({ value: String(group.id), label: group.name }))}
                {...form.getInputProps('group')}
              />
            )}
            <Select
              w={130}
              aria-label={t('brains.role')}
              data={roles}
              allowDeselect={false}
              {...form.getInputProps('role')}
            />
            <Button type="submit" loading={add.isPending}>
              {t('brains.addMember')}
            </Button>
          </Group>
          <Text size="xs" c="dimmed">
            {t(`roles.${form.values.role}`)}: {t(`roles.${form.values.role}Text`)}
          </Text>
        </Stack>
      </form>
    </Card>
  );
}
