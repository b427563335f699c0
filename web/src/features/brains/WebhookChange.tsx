import { Button, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';

import { noticeDone } from '@/components/notices';
import type { Webhook } from '@/lib/api/types';

import { WebhookForm } from './WebhookForm';
import { useChangeWebhook } from './webhooks';

/** Where a webhook leads, and what it is told; its secret stays. */
export function WebhookChange({ webhook }: { webhook: Webhook }) {
  const { t } = useTranslation();
  const [isOpen, { open, close }] = useDisclosure();
  const change = useChangeWebhook(webhook);
  const { url, description, events } = webhook;
  const end = () => {
    change.reset();
    close();
  };
  return (
    <>
      <Button size="xs" variant="light" onClick={open}>
        {t('webhooks.change')}
      </Button>
      <Modal opened={isOpen} onClose={end} title={t('webhooks.changeTitle')}>
        <WebhookForm
          initial={{ url, description, events }}
          label={t('common.save')}
          saving={change}
          onSaved={() => {
            noticeDone(t('common.saved'));
            end();
          }}
        />
      </Modal>
    </>
  );
}
