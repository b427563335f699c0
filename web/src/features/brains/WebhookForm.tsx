import { Button, Checkbox, Stack, TextInput } from '@mantine/core';
import { isNotEmpty, useForm } from '@mantine/form';
import type { UseMutationResult } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import type { Webhook } from '@/lib/api/types';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { EVENTS, type NewWebhook, useWebhookTexts } from './webhooks';

interface WebhookFormProps {
  initial: NewWebhook;
  /** Of the button that saves. */
  label: string;
  saving: UseMutationResult<Webhook, Error, NewWebhook>;
  onSaved: (webhook: Webhook) => void;
}

const URL_CHARACTERS = 2000;
const DESCRIPTION_CHARACTERS = 200;

/** What a webhook is told, and where: of a new one, or of one that is there. */
export function WebhookForm({ initial, label, saving, onSaved }: WebhookFormProps) {
  const { t } = useTranslation();
  const { eventName } = useWebhookTexts();
  const form = useForm({
    initialValues: initial,
    validate: {
      url: (url) => (/^https?:\/\/./.test(url.trim()) ? null : t('webhooks.urlInvalid')),
      events: isNotEmpty(t('webhooks.eventsNeeded')),
    },
  });

  const submit = form.onSubmit((values) =>
    saving.mutate(
      { ...values, url: values.url.trim() },
      {
        onSuccess: onSaved,
        onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
      },
    ),
  );

  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {saving.isError && <ErrorNotice error={saving.error} />}
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
        <Button type="submit" loading={saving.isPending}>
          {label}
        </Button>
      </Stack>
    </form>
  );
}
