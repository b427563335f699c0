import { Modal } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { SecretOnce } from '@/components/SecretOnce';

interface WebhookSecretProps {
  /** Shown while it is not null. */
  secret: string | null;
  onDone: () => void;
}

/** Closed by its button alone: a click beside it must not lose what is never shown again. */
export function WebhookSecret({ secret, onDone }: WebhookSecretProps) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={secret !== null}
      onClose={onDone}
      title={t('webhooks.secretTitle')}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <SecretOnce
        secret={secret ?? ''}
        text={t('webhooks.secretText')}
        done={t('webhooks.secretDone')}
        onDone={onDone}
      />
    </Modal>
  );
}
