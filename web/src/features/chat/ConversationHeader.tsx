import { Anchor, Group, Popover, Skeleton, Text, Title, UnstyledButton } from '@mantine/core';
import { IconBrain, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { ModelDetails } from '@/components/ModelDetails';
import { modelsQuery } from '@/lib/api/queries';
import type { Conversation } from '@/lib/api/types';

import { ConversationMenu } from './ConversationMenu';
import classes from './ConversationHeader.module.css';

export function ConversationHeader({ conversation }: { conversation: Conversation | undefined }) {
  const { t } = useTranslation();
  if (!conversation) {
    return (
      <header className={classes.header}>
        <Skeleton h={20} w={220} />
      </header>
    );
  }
  return (
    <header className={classes.header}>
      <div className={classes.names}>
        <Title order={1} size="h5" lineClamp={1} className="break">
          {conversation.title || t('chat.untitled')}
        </Title>
        <Group gap={12} wrap="nowrap" fz="xs" c="dimmed" miw={0}>
          {conversation.brain && (
            <Anchor
              component={Link}
              to={`/brains/${conversation.brain.id}`}
              size="xs"
              className={classes.brain}
            >
              <IconBrain size={14} aria-hidden />
              <span>{conversation.brain.name}</span>
            </Anchor>
          )}
          {conversation.model && <ConversationModel model={conversation.model} />}
        </Group>
      </div>
      <ConversationMenu conversation={conversation} isOpen />
    </header>
  );
}

/** Who answers, and what it can't do: people should know before they trust it. */
function ConversationModel({ model }: { model: NonNullable<Conversation['model']> }) {
  const { t } = useTranslation();
  const known = useQuery(modelsQuery).data?.find(({ id }) => id === model.id);
  const notes = known?.notes ?? model.notes ?? '';
  return (
    <Popover width={320} position="bottom-start" withArrow shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton className={classes.model}>
          <span className="visually-hidden">{t('models.about')}</span>
          <IconInfoCircle size={14} aria-hidden />
          <span className={classes.modelName}>{model.name}</span>
          {notes !== '' && <span className={classes.notes}>{notes}</span>}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Text fw={600} size="sm" mb={4} className="break">
          {model.name}
        </Text>
        {known ? (
          <ModelDetails model={known} />
        ) : (
          <Text size="sm" className="break">
            {notes}
          </Text>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
