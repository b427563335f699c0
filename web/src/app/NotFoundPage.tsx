import { Button } from '@mantine/core';
import { IconMapPinOff } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { EmptyState } from '@/components/EmptyState';

export function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <EmptyState
      icon={<IconMapPinOff size={28} />}
      title={t('app.notFoundTitle')}
      text={t('app.notFoundText')}
    >
      <Button component={Link} to="/" variant="light" mt="sm">
        {t('app.toStart')}
      </Button>
    </EmptyState>
  );
}
