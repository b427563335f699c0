import { Button, Group, Paper, Text } from '@mantine/core';
import { useInterval } from '@mantine/hooks';
import { IconPlugConnectedX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useSocket, useSocketState } from '@/lib/socket-context';

/** Says that the stream is cut, what goes on all the same, and when it is tried again. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const socket = useSocket();
  const { status, retryAt } = useSocketState();
  const [now, setNow] = useState(() => Date.now());
  useInterval(() => setNow(Date.now()), 1000, { autoInvoke: true });
  if (status !== 'waiting') return null;
  const seconds = Math.max(1, Math.ceil(((retryAt ?? now) - now) / 1000));
  return (
    <Paper withBorder px="sm" py={6} mb={8} role="alert">
      <Group gap="sm" wrap="nowrap">
        <IconPlugConnectedX size={18} aria-hidden style={{ flex: 'none' }} />
        <Text size="sm" flex={1}>
          {t('connection.waitingText', { seconds })}
        </Text>
        <Button size="compact-sm" variant="light" onClick={socket.retryNow}>
          {t('connection.retryNow')}
        </Button>
      </Group>
    </Paper>
  );
}
