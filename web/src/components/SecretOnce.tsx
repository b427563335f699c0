import { Button, Code, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { CopyAction } from './CopyAction';

interface SecretOnceProps {
  secret: string;
  text: string;
  done: string;
  onDone: () => void;
}

/** A secret that is never shown again. */
export function SecretOnce({ secret, text, done, onDone }: SecretOnceProps) {
  const { t } = useTranslation();
  return (
    <Stack>
      <Text size="sm">{text}</Text>
      <Group wrap="nowrap">
        <Code block flex={1} className="break" style={{ whiteSpace: 'pre-wrap' }}>
          {secret}
        </Code>
        <CopyAction text={secret} label={t('common.copy')} />
      </Group>
      <Button onClick={onDone}>{done}</Button>
    </Stack>
  );
}
