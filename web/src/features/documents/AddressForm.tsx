import { Button, Group, TextInput } from '@mantine/core';
import { IconLink } from '@tabler/icons-react';
import { type SyntheticEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { noticeDone } from '@/components/notices';
import { describeError } from '@/lib/problem-text';

import { useFetchDocument } from './api';

const LONGEST_ADDRESS = 2000;

/** Adds a document that the server fetches itself. */
export function AddressForm({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const [address, setAddress] = useState('');
  const add = useFetchDocument(brain);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const url = address.trim();
    if (url === '' || add.isPending) return;
    add.mutate(url, {
      onSuccess: ({ title }) => {
        setAddress('');
        noticeDone(t('documents.addressAdded', { title }));
      },
    });
  };
  const change = (next: string) => {
    setAddress(next);
    add.reset();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Group gap="sm" align="flex-start">
        <TextInput
          flex="1 1 240px"
          type="url"
          inputMode="url"
          maxLength={LONGEST_ADDRESS}
          leftSection={<IconLink size={16} aria-hidden />}
          aria-label={t('documents.address')}
          placeholder={t('documents.addressPlaceholder')}
          value={address}
          onChange={(event) => change(event.currentTarget.value)}
          error={add.isError && errorText(add.error)}
        />
        <Button
          type="submit"
          variant="light"
          loading={add.isPending}
          disabled={address.trim() === ''}
        >
          {t('documents.addressAdd')}
        </Button>
      </Group>
    </form>
  );
}

function errorText(error: unknown): string {
  const { sentence, wayOut } = describeError(error);
  return `${sentence} ${wayOut}`.trim();
}
