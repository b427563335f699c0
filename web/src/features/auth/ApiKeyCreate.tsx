import { Button, Checkbox, Modal, Select, Stack, TextInput } from '@mantine/core';
import { isNotEmpty, useForm } from '@mantine/form';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import { SecretOnce } from '@/components/SecretOnce';
import type { Scope } from '@/lib/api/types';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { SCOPES, useCreateApiKey } from './api-keys';

interface ApiKeyCreateProps {
  opened: boolean;
  onClose: () => void;
}

const NEVER = 'never';
const DAYS = [30, 90, 365];
const DAY_MS = 86_400_000;

export function ApiKeyCreate({ opened, onClose }: ApiKeyCreateProps) {
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
      title={secret ? t('apiKeys.createdTitle') : t('apiKeys.createTitle')}
      // A click beside it must not lose a key that is never shown again.
      closeOnClickOutside={secret === null}
      closeOnEscape={secret === null}
      withCloseButton={secret === null}
    >
      {secret ? (
        <SecretOnce
          secret={secret}
          text={t('apiKeys.createdText')}
          done={t('apiKeys.done')}
          onDone={close}
        />
      ) : (
        <ApiKeyForm onCreated={setSecret} />
      )}
    </Modal>
  );
}

function ApiKeyForm({ onCreated }: { onCreated: (secret: string) => void }) {
  const { t } = useTranslation();
  const create = useCreateApiKey();
  const form = useForm({
    initialValues: { name: '', scopes: ['brains:read', 'chat'] as Scope[], days: '90' },
    validate: { name: isNotEmpty(t('auth.required')), scopes: isNotEmpty(t('apiKeys.scopesNeeded')) },
  });

  const submit = form.onSubmit(({ name, scopes, days }) =>
    create.mutate(
      { name, scopes, expires_at: days === NEVER ? null : inDays(Number(days)) },
      {
        onSuccess: (apiKey) => onCreated(apiKey.key ?? ''),
        onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
      },
    ),
  );

  return (
    <form onSubmit={submit}>
      <Stack>
        {create.isError && <ErrorNotice error={create.error} />}
        <TextInput
          label={t('common.name')}
          description={t('apiKeys.nameHint')}
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <Checkbox.Group label={t('apiKeys.scopes')} {...form.getInputProps('scopes')}>
          <Stack gap="xs" mt="xs">
            {SCOPES.map((scope) => (
              <Checkbox key={scope} value={scope} label={t(`apiKeys.scope.${scope}`)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Select
          label={t('apiKeys.expires')}
          allowDeselect={false}
          data={[
            ...DAYS.map((count) => ({ value: String(count), label: t('apiKeys.days', { count }) })),
            { value: NEVER, label: t('apiKeys.never') },
          ]}
          {...form.getInputProps('days')}
        />
        <Button type="submit" loading={create.isPending}>
          {t('apiKeys.create')}
        </Button>
      </Stack>
    </form>
  );
}

function inDays(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}
