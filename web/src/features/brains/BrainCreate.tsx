import { Button, Modal, Stack, Textarea, TextInput } from '@mantine/core';
import { isNotEmpty, useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { useCreateBrain } from './api';
import { DESCRIPTION_CHARACTERS, NAME_CHARACTERS } from './limits';

interface BrainCreateProps {
  opened: boolean;
  onClose: () => void;
}

export function BrainCreate({ opened, onClose }: BrainCreateProps) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} title={t('brains.createTitle')}>
      <BrainCreateForm />
    </Modal>
  );
}

function BrainCreateForm() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const create = useCreateBrain();
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { name: '', description: '' },
    validate: { name: isNotEmpty(t('auth.required')) },
  });

  const submit = form.onSubmit((values) =>
    create.mutate(values, {
      onSuccess: (brain) => void navigate(`/brains/${brain.id}`),
      onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
    }),
  );

  return (
    <form onSubmit={submit}>
      <Stack>
        {create.isError && <ErrorNotice error={create.error} />}
        <TextInput
          label={t('common.name')}
          placeholder={t('brains.nameHint')}
          maxLength={NAME_CHARACTERS}
          data-autofocus
          key={form.key('name')}
          {...form.getInputProps('name')}
        />
        <Textarea
          label={`${t('brains.description')} (${t('common.optional')})`}
          description={t('brains.descriptionHint')}
          maxLength={DESCRIPTION_CHARACTERS}
          autosize
          minRows={2}
          maxRows={6}
          key={form.key('description')}
          {...form.getInputProps('description')}
        />
        <Button type="submit" loading={create.isPending}>
          {t('brains.createDone')}
        </Button>
      </Stack>
    </form>
  );
}
