import { ActionIcon, Button, Menu, Modal, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDots, IconPencil, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { confirmDanger } from '@/components/confirm';
import type { Conversation } from '@/lib/api/types';

import { useDeleteConversation, useRenameConversation } from './api';

interface ConversationMenuProps {
  conversation: Conversation;
  /** Its page is open, and must be left when it is deleted. */
  isOpen: boolean;
  size?: string;
}

const TITLE_CHARACTERS = 200;

export function ConversationMenu({ conversation, isOpen, size = 'md' }: ConversationMenuProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [isRenaming, renaming] = useDisclosure();
  const remove = useDeleteConversation(conversation.id);
  const title = conversation.title || t('chat.untitled');
  const askToDelete = () =>
    confirmDanger({
      title: t('chat.deleteTitle', { title }),
      text: t('chat.deleteText'),
      confirm: t('common.delete'),
      onConfirm: () =>
        remove.mutate(undefined, {
          onSuccess: () => {
            if (isOpen) void navigate('/chat', { replace: true });
          },
        }),
    });
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={size}
            aria-label={t('chat.actions', { title })}
          >
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={renaming.open}>
            {t('chat.rename')}
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={askToDelete}>
            {t('common.delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={isRenaming} onClose={renaming.close} title={t('chat.renameTitle')}>
        <RenameForm conversation={conversation} onDone={renaming.close} />
      </Modal>
    </>
  );
}

function RenameForm({ conversation, onDone }: { conversation: Conversation; onDone: () => void }) {
  const { t } = useTranslation();
  const rename = useRenameConversation(conversation.id);
  const [title, setTitle] = useState(conversation.title);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (title.trim() !== '') rename.mutate(title.trim(), { onSuccess: onDone });
      }}
    >
      <Stack>
        <TextInput
          label={t('chat.title')}
          value={title}
          maxLength={TITLE_CHARACTERS}
          onChange={(event) => setTitle(event.currentTarget.value)}
          data-autofocus
        />
        <Button type="submit" loading={rename.isPending} disabled={title.trim() === ''}>
          {t('common.save')}
        </Button>
      </Stack>
    </form>
  );
}
