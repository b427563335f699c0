import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { isNotEmpty, useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useSearchParams } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { meQuery, siteQuery } from '@/lib/api/queries';

import { AuthFrame } from './AuthFrame';
import { nextPath } from './next-path';
import { useSignIn } from './session';

export function SignInPage() {
  const { t } = useTranslation();
  const [search] = useSearchParams();
  const me = useQuery(meQuery);
  const site = useQuery(siteQuery).data;
  const signIn = useSignIn();
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { email: '', password: '' },
    validate: {
      email: isNotEmpty(t('auth.emailInvalid')),
      password: isNotEmpty(t('auth.required')),
    },
  });

  if (me.data) return <Navigate to={nextPath(search)} replace />;
  return (
    <AuthFrame title={t('auth.signInTitle', { site: site?.name ?? t('app.name') })}>
      <form onSubmit={form.onSubmit((values) => signIn.mutate(values))} noValidate>
        <Stack>
          {search.has('next') && !signIn.isError && (
            <Alert color="gray" p="xs">
              {t('auth.signInToGoOn')}
            </Alert>
          )}
          {signIn.isError && <ErrorNotice error={signIn.error} />}
          <TextInput
            label={t('auth.email')}
            type="email"
            name="email"
            autoComplete="username"
            autoFocus
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label={t('auth.password')}
            name="password"
            autoComplete="current-password"
            visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }}
            key={form.key('password')}
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={signIn.isPending} fullWidth mt="xs">
            {t('auth.signIn')}
          </Button>
          {site?.sign_up_open ? (
            <Text size="sm" ta="center">
              {t('auth.noAccount')}{' '}
              <Anchor component={Link} to={{ pathname: '/sign-up', search: search.toString() }}>
                {t('auth.signUp')}
              </Anchor>
            </Text>
          ) : (
            site && (
              <Text size="xs" c="dimmed" ta="center">
                {t('auth.signUpClosed')}
              </Text>
            )
          )}
        </Stack>
      </form>
    </AuthFrame>
  );
}
