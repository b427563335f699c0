import { Button, Checkbox, Modal, Stack, TextInput } from '@mantine/core';
import { isNotEmpty, useForm } from '@mantine/form';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import { SecretOnce } from '@/components/SecretOnce';
import type { WebhookEvent } from '@/lib/api/types';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { EVENTS, useAddWebhook, useWebhookTexts } from './webhooks';

interface WebhookAddProps {
  brain: string;
  opened: boolean;
  onClose: () => void;
}

const URL_CHARACTERS = 2000;
const DESCRIPTION_CHARACTERS = 200;

export function WebhookAdd({ brain, opened, onClose }: WebhookAddProps) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<string | null>(null);
  const close = () => {
    setSecret(null);
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
        <WebhookForm brain={brain} onCreated={setSecret} />
      )}
    </Modal>
  );
}

function WebhookForm({ brain, onCreated }: { brain: string; onCreated: (secret: string) => void }) {
  const { t } = useTranslation();
  const { eventName } = useWebhookTexts();
  const add = useAddWebhook(brain);
  const form = useForm({
    initialValues: {
      url: '',
      description: '',
      events: ['document.ready', 'document.failed'] as WebhookEvent[],
    },
    validate: {
      url: (url) => (/^https?:\/\/./.test(url.trim()) ? null : t('webhooks.urlInvalid')),
      events: isNotEmpty(t('webhooks.eventsNeeded')),
    },
  });

  const submit = form.onSubmit((values) =>
    add.mutate(
      { ...values, url: values.url.trim() },
      {
        onSuccess: (webhook) => onCreated(webhook.secret ?? ''),
        onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
      },
    ),
  );

  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {add.isError && <ErrorNotice error={add.error} />}
        <TextInput
          type="url"
          label={t('webhooks.url')}
          description={t('webhooks.urlHint')}
          maxLength={URL_CHARACTERS}
          autoComplete="off"
          data-autofocus
          {...form.getInputProps('url')}
        />
        <TextInput
          label={`${t('webhooks.description')} (${t('common.optional')})`}
          maxLength={DESCRIPTION_CHARACTERS}
          {...form.getInputProps('description')}
        />
        <Checkbox.Group label={t('webhooks.events')} {...form.getInputProps('events')}>
          <Stack gap="xs" mt="xs">
            {EVENTS.map((event) => (
              <Checkbox key={event} value={event} label={eventName(event)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Button type="submit" loading={add.isPending}>
          {t('webhooks.add')}
        </Button>
      </Stack>
    </form>
  );
}
