import { Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import i18next from 'i18next';

interface Confirmation {
  title: string;
  text: string;
  confirm: string;
  onConfirm: () => void;
}

/** Asks before something that can't be undone. Cancelling has the focus. */
export function confirmDanger({ title, text, confirm, onConfirm }: Confirmation): void {
  modals.openConfirmModal({
    title,
    children: <Text size="sm">{text}</Text>,
    labels: { confirm, cancel: i18next.t('common.cancel') },
    confirmProps: { color: 'red' },
    cancelProps: { 'data-autofocus': true },
    onConfirm,
  });
}
