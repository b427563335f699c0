import { Modal } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { SecretOnce } from '@/components/SecretOnce';

import { WebhookForm } from './WebhookForm';
import { type NewWebhook, useAddWebhook } from './webhooks';

interface WebhookAddProps {
  brain: string;
  opened: boolean;
  onClose: () => void;
}

const EMPTY: NewWebhook = {
  url: '',
  description: '',
  events: ['document.ready', 'document.failed'],
};

export function WebhookAdd({ brain, opened, onClose }: WebhookAddProps) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<string | null>(null);
  const add = useAddWebhook(brain);
  const close = () => {
    setSecret(null);
    add.reset();
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={secret ? t('webhooks.secretTitle') : t('webhooks.addTitle')}
      // A click beside it must not lose a secret that is never shown again.
      closeOnClickOutside={secret === null}
      closeOnEscape={secret === null}
      withCloseButton={secret === null}
    >
      {secret ? (
        <SecretOnce
          secret={secret}
          text={t('webhooks.secretText')}
          done={t('webhooks.secretDone')}
          onDone={close}
        />
      ) : (
        <WebhookForm
          initial={EMPTY}
          label={t('webhooks.add')}
          saving={add}
          onSaved={(webhook) => setSecret(webhook.secret ?? '')}
        />
      )}
    </Modal>
  );
}
