import {
  Alert,
  Button,
  Card,
  Checkbox,
  Group,
  Modal,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core';
import { isNotEmpty, useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconLock } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { ModelSelect } from '@/components/ModelSelect';
import { noticeDone } from '@/components/notices';
import type { Brain } from '@/lib/api/types';
import { problemOf } from '@/lib/problem';
import { fieldErrors } from '@/lib/problem-text';

import { useChangeBrain, useDeleteBrain } from './api';
import { DESCRIPTION_CHARACTERS, INSTRUCTIONS_CHARACTERS, NAME_CHARACTERS } from './limits';
import { WebhookList } from './WebhookList';

export function BrainSettings({ brain }: { brain: Brain }) {
  const isOwner = brain.role === 'owner';
  return (
    <Stack maw={640} gap="xl">
      <BrainForm brain={brain} isOwner={isOwner} />
      {brain.role !== 'viewer' && <WebhookList brain={brain.id} />}
      {isOwner && <BrainDelete brain={brain} />}
    </Stack>
  );
}

function BrainForm({ brain, isOwner }: { brain: Brain; isOwner: boolean }) {
  const { t } = useTranslation();
  const change = useChangeBrain(brain.id);
  const form = useForm({
    initialValues: {
      name: brain.name,
      description: brain.description,
      instructions: brain.instructions,
      model: brain.model,
      rewrites_questions: brain.rewrites_questions,
    },
    validate: { name: isNotEmpty(t('auth.required')) },
  });

  const submit = form.onSubmit((values) =>
    change.mutate(values, {
      onSuccess: () => {
        form.resetDirty();
        noticeDone(t('common.saved'));
      },
      onError: (error) => form.setErrors(fieldErrors(problemOf(error))),
    }),
  );

  return (
    <form onSubmit={submit}>
      <Stack>
        {!isOwner && (
          <Alert color="gray" icon={<IconLock aria-hidden />} p="xs">
            {t('brains.ownerOnly')}
          </Alert>
        )}
        {change.isError && <ErrorNotice error={change.error} />}
        <TextInput
          label={t('common.name')}
          maxLength={NAME_CHARACTERS}
          readOnly={!isOwner}
          {...form.getInputProps('name')}
        />
        <Textarea
          label={t('brains.description')}
          description={t('brains.descriptionHint')}
          maxLength={DESCRIPTION_CHARACTERS}
          autosize
          minRows={2}
          maxRows={8}
          readOnly={!isOwner}
          {...form.getInputProps('description')}
        />
        <Textarea
          label={t('brains.instructions')}
          description={t('brains.instructionsHint')}
          maxLength={INSTRUCTIONS_CHARACTERS}
          autosize
          minRows={3}
          maxRows={14}
          readOnly={!isOwner}
          {...form.getInputProps('instructions')}
        />
        <ModelSelect
          value={form.values.model}
          onChange={(model) => form.setFieldValue('model', model)}
          disabled={!isOwner}
        />
        <Checkbox
          label={t('brains.rewritesQuestions')}
          description={t('brains.rewritesQuestionsHint')}
          disabled={!isOwner}
          {...form.getInputProps('rewrites_questions', { type: 'checkbox' })}
        />
        {isOwner && (
          <Group>
            <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
              {t('common.save')}
            </Button>
            {form.isDirty() && (
              <Text size="sm" c="dimmed">
                {t('common.unsaved')}
              </Text>
            )}
          </Group>
        )}
      </Stack>
    </form>
  );
}

function BrainDelete({ brain }: { brain: Brain }) {
  const { t } = useTranslation();
  const [isAsking, asking] = useDisclosure();
  return (
    <Card withBorder padding="lg">
      <Title order={2} size="h5">
        {t('brains.deleteTitle')}
      </Title>
      <Text size="sm" c="dimmed" mt={4} mb="md">
        {t('brains.deleteText')}
      </Text>
      <Group>
        <Button color="red" variant="light" onClick={asking.open}>
          {t('brains.deleteDone')}
        </Button>
      </Group>
      <Modal opened={isAsking} onClose={asking.close} title={t('brains.deleteTitle')}>
        <BrainDeleteForm brain={brain} />
      </Modal>
    </Card>
  );
}

function BrainDeleteForm({ brain }: { brain: Brain }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const remove = useDeleteBrain(brain.id);
  const [typed, setTyped] = useState('');
  const isSure = typed.trim() === brain.name.trim();

  const submit = () => {
    if (!isSure) return;
    remove.mutate(undefined, {
      onSuccess: () => {
        noticeDone(t('brains.deleted', { name: brain.name }));
        void navigate('/brains', { replace: true });
      },
    });
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack>
        <Text size="sm">{t('brains.deleteText')}</Text>
        <TextInput
          label={t('brains.deleteConfirm', { name: brain.name })}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
        />
        <Button type="submit" color="red" disabled={!isSure} loading={remove.isPending}>
          {t('brains.deleteDone')}
        </Button>
      </Stack>
    </form>
  );
}
