import { Select, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconBrain } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useSearchParams } from 'react-router';

import { ErrorNotice } from '@/components/ErrorNotice';
import { ModelSelect } from '@/components/ModelSelect';
import { brainsQuery } from '@/lib/api/queries';
import type { Brain } from '@/lib/api/types';

import { useCreateConversation } from './api';
import { Composer, type ComposerHandle } from './Composer';
import { ConnectionBanner } from './ConnectionBanner';
import { useHub } from './live/hub-context';
import classes from './NewConversationPage.module.css';

const DRAFT = 'new';
const NO_BRAIN = '';
const SUGGESTED = 4;

export function NewConversationPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const hub = useHub();
  const [search, setSearch] = useSearchParams();
  const brains = useQuery(brainsQuery);
  const create = useCreateConversation();
  const [model, setModel] = useState<string | null>(null);
  const composer = useRef<ComposerHandle>(null);
  useDocumentTitle(`${t('nav.newConversation')} · Brainstem`);

  const brain = brains.data?.find(({ id }) => id === search.get('brain')) ?? null;
  const choose = (id: string) => setSearch(id === NO_BRAIN ? {} : { brain: id }, { replace: true });
  const ask = (text: string) =>
    create.mutate(
      { brain: brain?.id ?? null, model },
      {
        onSuccess: (conversation) => {
          hub.ask(conversation.id, text);
          void navigate(`/chat/${conversation.id}`, { replace: true });
        },
        onError: () => composer.current?.write(text),
      },
    );

  return (
    <div className={classes.page}>
      <Stack className={classes.middle} gap="lg">
        <div>
          <Title order={1} size="h2" ta="center">
            {t('chat.welcome')}
          </Title>
          <Text c="dimmed" ta="center" mt={6}>
            {t('chat.welcomeText')}
          </Text>
        </div>
        <Composer
          ref={composer}
          draftKey={DRAFT}
          placeholder={
            brain ? t('chat.placeholderBrain', { brain: brain.name }) : t('chat.placeholder')
          }
          isSending={create.isPending}
          onAsk={ask}
        />
        <ConnectionBanner />
        {brains.isError && (
          <ErrorNotice error={brains.error} onRetry={() => void brains.refetch()} />
        )}
        <div className={classes.choices}>
          <Stack gap={6}>
            <Select
              label={t('chat.askBrain')}
              data={[
                { value: NO_BRAIN, label: t('chat.noBrain') },
                ...(brains.data ?? []).map(({ id, name }) => ({ value: id, label: name })),
              ]}
              value={brain?.id ?? NO_BRAIN}
              onChange={(id) => choose(id ?? NO_BRAIN)}
              allowDeselect={false}
              searchable
              leftSection={<IconBrain size={16} aria-hidden />}
            />
            <Text size="xs" c="dimmed" className="break" lineClamp={3}>
              {brain ? describe(brain) : t('chat.noBrainText')}
            </Text>
          </Stack>
          <ModelSelect
            value={model}
            onChange={setModel}
            defaultLabel={brain?.model ? t('chat.modelOfBrain') : undefined}
          />
        </div>
        {brain === null && brains.data && brains.data.length > 0 && (
          <section aria-label={t('chat.recentBrains')}>
            <Text size="xs" fw={600} c="dimmed" mb={6}>
              {t('chat.recentBrains')}
            </Text>
            <div className={classes.brains}>
              {latest(brains.data).map((each) => (
                <UnstyledButton
                  key={each.id}
                  className={classes.brain}
                  onClick={() => choose(each.id)}
                >
                  <Text size="sm" fw={550} truncate>
                    {each.name}
                  </Text>
                  <Text size="xs" c="dimmed" lineClamp={2} className="break">
                    {describe(each)}
                  </Text>
                </UnstyledButton>
              ))}
            </div>
          </section>
        )}
      </Stack>
    </div>
  );

  function describe(each: Brain): string {
    return each.description || t('brains.documents', { count: each.documents_count });
  }
}

function latest(brains: Brain[]): Brain[] {
  return [...brains]
    .sort((a, b) => b.updated_at.localeCompare(a.updated_at))
    .slice(0, SUGGESTED);
}
