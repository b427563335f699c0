import { ActionIcon, Group, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import type { KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';

import type { Message } from '@/lib/api/types';

import { useChoosePath } from './api';

const STEPS: Partial<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };

const FADED = 0.4;

interface MessageSiblingsProps {
  message: Message;
  conversation: string;
}

/** Goes through the versions of a question or the answers to one; by buttons or arrow keys. */
export function MessageSiblings({ message, conversation }: MessageSiblingsProps) {
  const { t } = useTranslation();
  const choose = useChoosePath(conversation);
  const { id, siblings } = message;
  if (siblings.length < 2) return null;
  const place = siblings.indexOf(id);
  const go = (step: number) => {
    const next = siblings[place + step];
    if (next !== undefined && !choose.isPending) choose.mutate(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    go(step);
  };
  return (
    <Group gap={0} wrap="nowrap" role="group" aria-label={t('chat.versions')} onKeyDown={onKeyDown}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={t('chat.previousVersion')}
        // Not disabled: whoever got here by keyboard would lose the focus at the end.
        aria-disabled={place === 0}
        style={{ opacity: place === 0 ? FADED : 1 }}
        onClick={() => go(-1)}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      <Text size="xs" c="dimmed" aria-live="polite" style={{ fontVariantNumeric: 'tabular-nums' }}>
        {t('chat.version', { number: place + 1, count: siblings.length })}
      </Text>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={t('chat.nextVersion')}
        aria-disabled={place === siblings.length - 1}
        style={{ opacity: place === siblings.length - 1 ? FADED : 1 }}
        onClick={() => go(1)}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </Group>
  );
}
