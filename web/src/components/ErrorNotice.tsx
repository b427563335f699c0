import { Alert, Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { describeError } from '@/lib/problem-text';

interface ErrorNoticeProps {
  error: unknown;
  onRetry?: () => void;
}

/** What went wrong and the way out, in the place where the content would be. */
export function ErrorNotice({ error, onRetry }: ErrorNoticeProps) {
  const { t } = useTranslation();
  const { sentence, wayOut } = describeError(error);
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={sentence} role="alert">
      <Group justify="space-between" gap="sm">
        {wayOut !== '' && <Text size="sm">{wayOut}</Text>}
        {onRetry && (
          <Button size="xs" variant="light" color="red" onClick={onRetry}>
            {t('common.retry')}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
