import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { hasLength, isEmail, useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useSearchParams } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { meQuery, siteQuery } from '@/lib/api/queries';
import { currentLanguage } from '@/lib/i18n';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { AuthFrame } from './AuthFrame';
import { nextPath } from './next-path';
import { useSignUp } from './session';

const PASSWORD_CHARACTERS = 8;

export function SignUpPage() {
  const { t } = useTranslation();
  const [search] = useSearchParams();
  const me = useQuery(meQuery);
  const site = useQuery(siteQuery);
  const signUp = useSignUp();
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { email: '', password: '', name: '' },
    validate: {
      email: isEmail(t('auth.emailInvalid')),
      password: hasLength({ min: PASSWORD_CHARACTERS }, t('auth.passwordShort')),
    },
  });

  const submit = form.onSubmit((values) =>
    signUp.mutate(
      { ...values, language: currentLanguage() },
      { onError: (error) => form.setErrors(fieldErrors(problemOf(error))) },
    ),
  );

  if (me.data) return <Navigate to={nextPath(search)} replace />;
  const back = (
    <Text size="sm" ta="center">
      {t('auth.haveAccount')}{' '}
      <Anchor component={Link} to={{ pathname: '/sign-in', search: search.toString() }}>
        {t('auth.signIn')}
      </Anchor>
    </Text>
  );
  if (site.data && !site.data.sign_up_open) {
    return (
      <AuthFrame title={t('auth.signUp')}>
        <Text mb="md">{t('auth.signUpClosed')}</Text>
        {back}
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={t('auth.signUpTitle')}>
      <form onSubmit={submit} noValidate>
        <Stack>
          {signUp.isError && <ErrorNotice error={signUp.error} />}
          <TextInput
            label={t('auth.yourName')}
            name="name"
            autoComplete="name"
            maxLength={150}
            autoFocus
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <TextInput
            label={t('auth.email')}
            type="email"
            name="email"
            autoComplete="username"
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label={t('auth.password')}
            description={t('auth.passwordHint')}
            name="password"
            autoComplete="new-password"
            visibilityToggleButtonProps={{ 'aria-label': t('auth.showPassword') }}
            key={form.key('password')}
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={signUp.isPending} fullWidth mt="xs">
            {t('auth.signUp')}
          </Button>
          {back}
        </Stack>
      </form>
    </AuthFrame>
  );
}
