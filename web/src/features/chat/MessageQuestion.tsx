import { ActionIcon, Button, Group, Stack, Textarea, Tooltip } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Message } from '@/lib/api/types';
import { isComposing } from '@/lib/keyboard';

import classes from './Message.module.css';
import { MessageSiblings } from './MessageSiblings';

interface MessageQuestionProps {
  message: Message;
  conversation: string;
  /** Not while an answer is being written: two would be read at once. */
  canChange: boolean;
  onChange: (text: string) => void;
}

export function MessageQuestion(props: MessageQuestionProps) {
  const { message, conversation, canChange, onChange } = props;
  const { t } = useTranslation();
  const [editedId, setEditedId] = useState<string>();
  const pencil = useRef<HTMLButtonElement>(null);
  const close = () => {
    setEditedId(undefined);
    // The pencil comes back with the next painting.
    requestAnimationFrame(() => pencil.current?.focus());
  };
  if (editedId === message.id) {
    return (
      <QuestionEditor
        text={message.text}
        canAsk={canChange}
        onCancel={close}
        onAsk={(text) => {
          setEditedId(undefined);
          onChange(text);
        }}
      />
    );
  }
  return (
    <Stack gap={2} align="flex-end">
      <article className={classes.question} aria-label={t('chat.you')}>
        {message.text}
      </article>
      <Group gap={2}>
        <MessageSiblings message={message} conversation={conversation} />
        {canChange && (
          <Tooltip label={t('chat.changeQuestion')}>
            <ActionIcon
              ref={pencil}
              variant="subtle"
              color="gray"
              aria-label={t('chat.changeQuestion')}
              onClick={() => setEditedId(message.id)}
            >
              <IconPencil size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    </Stack>
  );
}

interface QuestionEditorProps {
  text: string;
  canAsk: boolean;
  onAsk: (text: string) => void;
  onCancel: () => void;
}

function QuestionEditor({ text, canAsk, onAsk, onCancel }: QuestionEditorProps) {
  const { t } = useTranslation();
  const [changed, setChanged] = useState(text);
  const field = useRef<HTMLTextAreaElement>(null);
  const mayAsk = canAsk && changed.trim() !== '' && changed.trim() !== text;
  const ask = () => {
    if (mayAsk) onAsk(changed.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    if (event.key === 'Escape') onCancel();
    if (event.key !== 'Enter' || event.shiftKey) return;
    if (window.matchMedia('(pointer: coarse)').matches) return;
    event.preventDefault();
    ask();
  };
  useEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);
  return (
    <form
      className={classes.editor}
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <Textarea
        ref={field}
        autosize
        minRows={1}
        maxRows={12}
        value={changed}
        aria-label={t('chat.changeQuestion')}
        onChange={(event) => setChanged(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <Group gap="xs" justify="flex-end">
        <Button size="compact-sm" variant="subtle" color="gray" onClick={onCancel}>
          {t('common.cancel')}
        </Button>
        <Button size="compact-sm" type="submit" disabled={!mayAsk}>
          {t('chat.send')}
        </Button>
      </Group>
    </form>
  );
}
