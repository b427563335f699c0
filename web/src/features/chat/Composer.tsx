import { ActionIcon, Textarea, Tooltip } from '@mantine/core';
import { IconArrowUp, IconPlayerStopFilled } from '@tabler/icons-react';
import { type KeyboardEvent, type Ref, useEffect, useImperativeHandle, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { isComposing } from '@/lib/keyboard';

import classes from './Composer.module.css';
import { readDraft, writeDraft } from './drafts';
import { useStopTurn } from './stop';

export interface ComposerHandle {
  /** Puts a text into the field and the cursor behind it. */
  write: (text: string) => void;
}

interface ComposerProps {
  ref?: Ref<ComposerHandle>;
  /** Under what an unfinished question is kept. */
  draftKey: string;
  placeholder: string;
  isAnswering?: boolean;
  isSending?: boolean;
  turnId?: string;
  onAsk: (text: string) => void;
}

export function Composer(props: ComposerProps) {
  const { ref, draftKey, placeholder, isAnswering = false, isSending = false, turnId, onAsk } = props;
  const { t } = useTranslation();
  const [text, setText] = useState(() => readDraft(draftKey));
  const field = useRef<HTMLTextAreaElement>(null);
  const stop = useStopTurn(turnId, isAnswering);
  const isEmpty = text.trim() === '';
  const mayAsk = !isEmpty && !isAnswering && !isSending;

  const change = (next: string) => {
    setText(next);
    writeDraft(draftKey, next);
  };
  const ask = () => {
    if (!mayAsk) return;
    onAsk(text.trim());
    change('');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return;
    // On a phone Enter makes a new line, as everywhere there; the button sends.
    if (window.matchMedia('(pointer: coarse)').matches) return;
    event.preventDefault();
    ask();
  };

  useImperativeHandle(ref, () => ({
    write: (next) => {
      change(next);
      field.current?.focus();
    },
  }));
  useEffect(() => {
    // On a phone the keyboard would cover the page before anybody wants to type.
    if (!window.matchMedia('(pointer: coarse)').matches) field.current?.focus();
  }, []);

  return (
    <form
      className={classes.composer}
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <Textarea
        ref={field}
        className={classes.field}
        variant="unstyled"
        autosize
        minRows={1}
        maxRows={9}
        value={text}
        placeholder={placeholder}
        aria-label={placeholder}
        description={t('chat.sendHint')}
        descriptionProps={{ className: 'visually-hidden' }}
        onChange={(event) => change(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isAnswering ? (
        <Tooltip label={t('chat.stop')}>
          <ActionIcon
            size={36}
            radius="xl"
            variant="default"
            aria-label={t('chat.stop')}
            loading={stop.isStopping}
            onClick={stop.stop}
          >
            <IconPlayerStopFilled size={16} />
          </ActionIcon>
        </Tooltip>
      ) : (
        <Tooltip label={t('chat.send')}>
          <ActionIcon
            type="submit"
            size={36}
            radius="xl"
            aria-label={t('chat.send')}
            disabled={isEmpty}
            loading={isSending}
          >
            <IconArrowUp size={18} />
          </ActionIcon>
        </Tooltip>
      )}
    </form>
  );
}
