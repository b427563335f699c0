import { Button, Card, Group, PasswordInput, Stack, Title } from '@mantine/core';
import { hasLength, isNotEmpty, matchesField, useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import { noticeDone } from '@/components/notices';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { useChangePassword, useUser } from './session';

const PASSWORD_CHARACTERS = 8;

export function PasswordForm() {
  const { t } = useTranslation();
  const user = useUser();
  const change = useChangePassword();
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { current: '', new: '', repeat: '' },
    validate: {
      current: isNotEmpty(t('auth.required')),
      new: hasLength({ min: PASSWORD_CHARACTERS }, t('auth.passwordShort')),
      repeat: matchesField('new', t('settings.passwordsDiffer')),
    },
  });

  const submit = form.onSubmit(
    (values) =>
      change.mutate(
        { current: values.current, new: values.new },
        {
          onSuccess: () => {
            form.reset();
            noticeDone(t('settings.passwordChanged'));
          },
          onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
        },
      ),
    // What the server said was about the values before.
    () => change.reset(),
  );
  const toggle = { 'aria-label': t('auth.showPassword') };

  return (
    <Card withBorder padding="lg">
      <Title order={2} size="h4" mb="md">
        {t('settings.passwordTitle')}
      </Title>
      <form onSubmit={submit} noValidate>
        <Stack>
          {change.isError && <ErrorNotice error={change.error} />}
          {/* Password managers file the new password under this name. */}
          <input type="text" autoComplete="username" value={user?.email ?? ''} readOnly hidden />
          <PasswordInput
            label={t('settings.currentPassword')}
            autoComplete="current-password"
            visibilityToggleButtonProps={toggle}
            key={form.key('current')}
            {...form.getInputProps('current')}
          />
          <PasswordInput
            label={t('settings.newPassword')}
            description={t('auth.passwordHint')}
            autoComplete="new-password"
            visibilityToggleButtonProps={toggle}
            key={form.key('new')}
            {...form.getInputProps('new')}
          />
          <PasswordInput
            label={t('settings.repeatPassword')}
            autoComplete="new-password"
            visibilityToggleButtonProps={toggle}
            key={form.key('repeat')}
            {...form.getInputProps('repeat')}
          />
          <Group>
            <Button type="submit" loading={change.isPending}>
              {t('settings.changePassword')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
