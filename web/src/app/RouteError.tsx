import { Button } from '@mantine/core';
import { IconMoodConfuzed } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { EmptyState } from '@/components/EmptyState';

/** A page that crashed, or whose code is gone because a newer version was installed. */
export function RouteError() {
  const { t } = useTranslation();
  return (
    <EmptyState
      icon={<IconMoodConfuzed size={28} />}
      title={t('app.crashTitle')}
      text={t('app.crashText')}
    >
      <Button mt="sm" onClick={() => window.location.reload()}>
        {t('app.reload')}
      </Button>
    </EmptyState>
  );
}
