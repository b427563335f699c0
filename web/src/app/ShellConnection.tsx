import { Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useSocket, useSocketState } from '@/lib/socket-context';

import classes from './ShellConnection.module.css';

/** Whether answers and progress can arrive right now. */
export function ShellConnection() {
  const { t } = useTranslation();
  const socket = useSocket();
  const { status } = useSocketState();
  const shown = status === 'off' ? 'connecting' : status;
  return (
    <Group gap={8} px={8} pb={4} h={26} wrap="nowrap" role="status">
      <span className={classes.dot} data-status={shown} aria-hidden />
      <Text size="xs" c="dimmed" flex={1}>
        {t(`connection.${shown}`)}
      </Text>
      {status === 'waiting' && (
        <Button size="compact-xs" variant="subtle" onClick={socket.retryNow}>
          {t('connection.retryNow')}
        </Button>
      )}
    </Group>
  );
}
