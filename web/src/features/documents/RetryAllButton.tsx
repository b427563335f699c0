import { Button, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { IconRefresh } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { noticeDone } from '@/components/notices';

import { countFailed, useRetryFailed } from './api';

/** Says how many documents of the brain have failed, and asks, before all are tried again. */
export function RetryAllButton({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const retry = useRetryFailed(brain);
  const counting = useMutation({ mutationFn: () => countFailed(brain) });

  const tryAll = () =>
    retry.mutate(undefined, {
      onSuccess: ({ count, has_more: hasMore }) =>
        noticeDone(
          hasMore
            ? t('documents.retryAllMore', { count })
            : t('documents.retryAllDone', { count }),
        ),
    });
  const askFirst = (count: number) =>
    modals.openConfirmModal({
      title: t('documents.retryAllTitle', { count }),
      children: <Text size="sm">{t('documents.retryAllText')}</Text>,
      labels: { confirm: t('documents.retry'), cancel: t('common.cancel') },
      onConfirm: tryAll,
    });
  return (
    <Button
      variant="light"
      leftSection={<IconRefresh size={16} />}
      loading={retry.isPending || counting.isPending}
      onClick={() => counting.mutate(undefined, { onSuccess: askFirst })}
    >
      {t('documents.retryAll')}
    </Button>
  );
}
