import { ActionIcon, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

interface CopyActionProps {
  text: string;
  label: string;
  size?: 'sm' | 'md';
}

const FEEDBACK_MS = 1500;

export function CopyAction({ text, label, size = 'md' }: CopyActionProps) {
  const { t } = useTranslation();
  const clipboard = useClipboard({ timeout: FEEDBACK_MS });
  const shown = clipboard.copied ? t('common.copied') : label;
  return (
    <Tooltip label={shown}>
      <ActionIcon
        variant="subtle"
        color={clipboard.copied ? 'teal' : 'gray'}
        size={size}
        aria-label={shown}
        onClick={() => clipboard.copy(text)}
      >
        {clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
      </ActionIcon>
    </Tooltip>
  );
}
