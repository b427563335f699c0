import { Center, Container, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, useLocation } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { meQuery } from '@/lib/api/queries';
import { setLanguage } from '@/lib/i18n';

import { signInPath } from './next-path';

/** Lets people through who are signed in; sends the others to sign in, and back. */
export function SessionGate({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const location = useLocation();
  const me = useQuery(meQuery);
  const language = me.data?.language;

  useEffect(() => {
    if (language) void setLanguage(language);
  }, [language]);

  if (me.data) return children;
  if (me.data === null) return <Navigate to={signInPath(location)} replace />;
  if (me.isError) {
    return (
      <Container size="xs" py="xl">
        <ErrorNotice error={me.error} onRetry={() => void me.refetch()} />
      </Container>
    );
  }
  return (
    <Center h="100%">
      <Loader aria-label={t('app.loading')} />
    </Center>
  );
}
