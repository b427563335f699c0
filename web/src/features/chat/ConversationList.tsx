import { Button, ScrollArea, Skeleton, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { NavLink, useMatch } from 'react-router';

import { LoadMore } from '@/components/LoadMore';
import { SearchInput } from '@/components/SearchInput';
import { flattenPages } from '@/lib/api/paging';
import type { Conversation } from '@/lib/api/types';

import { useConversations } from './api';
import classes from './ConversationList.module.css';
import { ConversationMenu } from './ConversationMenu';
import { groupByTime } from './periods';

const TYPING_PAUSE_MS = 250;
const SKELETONS = [1, 2, 3, 4];

export function ConversationList({ onNavigate }: { onNavigate?: () => void }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const [wanted] = useDebouncedValue(search.trim(), TYPING_PAUSE_MS);
  const conversations = useConversations(wanted);
  const rows = flattenPages(conversations.data);
  return (
    <section className={classes.list} aria-label={t('nav.conversations')}>
      <SearchInput
        mx="md"
        mb="xs"
        size="xs"
        value={search}
        onChange={setSearch}
        placeholder={t('chat.searchPlaceholder')}
      />
      <ScrollArea className={classes.scroll} type="hover" scrollbarSize={8}>
        <div className={classes.rows}>
          {conversations.isPending && (
            <Stack gap={8} px={8}>
              {SKELETONS.map((each) => (
                <Skeleton key={each} h={22} />
              ))}
            </Stack>
          )}
          {conversations.isError && (
            <Text size="sm" c="dimmed" px={8}>
              {t('chat.listFailed')}{' '}
              <Button
                size="compact-xs"
                variant="subtle"
                onClick={() => void conversations.refetch()}
              >
                {t('common.retry')}
              </Button>
            </Text>
          )}
          {conversations.isSuccess && rows.length === 0 && (
            <Text size="sm" c="dimmed" px={8}>
              {wanted === '' ? t('chat.emptyList') : t('common.nothingMatches', { search: wanted })}
            </Text>
          )}
          {groupByTime(rows).map(({ period, conversations: group }) => (
            <section key={period} aria-label={t(`chat.${period}`)}>
              <Text className={classes.period} aria-hidden>
                {t(`chat.${period}`)}
              </Text>
              <ul className={classes.group}>
                {group.map((conversation) => (
                  <ConversationLink
                    key={conversation.id}
                    conversation={conversation}
                    onNavigate={onNavigate}
                  />
                ))}
              </ul>
            </section>
          ))}
          <LoadMore
            hasMore={conversations.hasNextPage}
            isLoading={conversations.isFetchingNextPage}
            onMore={() => void conversations.fetchNextPage()}
          />
        </div>
      </ScrollArea>
    </section>
  );
}

interface ConversationLinkProps {
  conversation: Conversation;
  onNavigate?: () => void;
}

function ConversationLink({ conversation, onNavigate }: ConversationLinkProps) {
  const { t } = useTranslation();
  const isOpen = useMatch(`/chat/${conversation.id}`) !== null;
  return (
    <li className={classes.item} data-active={isOpen || undefined}>
      <NavLink to={`/chat/${conversation.id}`} className={classes.link} onClick={onNavigate}>
        <span className={classes.title}>{conversation.title || t('chat.untitled')}</span>
        {conversation.brain && <span className={classes.brain}>{conversation.brain.name}</span>}
      </NavLink>
      <span className={classes.menu}>
        <ConversationMenu conversation={conversation} isOpen={isOpen} size="sm" />
      </span>
    </li>
  );
}
