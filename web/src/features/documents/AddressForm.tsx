import { Button, Group, Textarea } from '@mantine/core';
import { IconLink } from '@tabler/icons-react';
import { type KeyboardEvent, type SyntheticEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { noticeDone } from '@/components/notices';
import { isComposing } from '@/lib/keyboard';
import { describeError } from '@/lib/problem-text';

import { addressesOf } from './addresses';
import { useFetchDocument } from './api';
import { useFetchAddresses } from './batches';

const MOST_ROWS = 8;

/** Adds documents that the server fetches itself: one address, or many with a line for each. */
export function AddressForm({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const one = useFetchDocument(brain);
  const many = useFetchAddresses(brain);
  const addresses = addressesOf(text);
  const isPending = one.isPending || many.isPending;
  const error = one.error ?? many.error;

  const end = (notice: string) => {
    setText('');
    noticeDone(notice);
  };
  const submit = () => {
    const [first] = addresses;
    if (first === undefined || isPending) return;
    if (addresses.length === 1) {
      one.mutate(first, {
        onSuccess: ({ title }) => end(t('documents.addressAdded', { title })),
      });
    } else {
      const count = addresses.length;
      many.mutate(addresses, {
        onSuccess: () => end(t('documents.addressesAdded', { count })),
      });
    }
  };
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    submit();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    submit();
  };
  const change = (next: string) => {
    setText(next);
    one.reset();
    many.reset();
  };
  return (
    <form onSubmit={onSubmit} noValidate>
      <Group gap="sm" align="flex-start">
        <Textarea
          flex="1 1 240px"
          autosize
          minRows={1}
          maxRows={MOST_ROWS}
          inputMode="url"
          spellCheck={false}
          leftSection={<IconLink size={16} aria-hidden />}
          aria-label={t('documents.address')}
          placeholder={t('documents.addressPlaceholder')}
          description={addresses.length > 0 && t('documents.addressHint')}
          inputWrapperOrder={['input', 'description', 'error']}
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          error={error !== null && errorText(error)}
        />
        <Button
          type="submit"
          variant="light"
          loading={isPending}
          disabled={addresses.length === 0}
        >
          {addresses.length > 1
            ? t('documents.addressAddMany', { count: addresses.length })
            : t('documents.addressAdd')}
        </Button>
      </Group>
    </form>
  );
}

function errorText(error: unknown): string {
  const { sentence, wayOut } = describeError(error);
  return `${sentence} ${wayOut}`.trim();
}
