import { notifications } from '@mantine/notifications';

import { describeError } from '@/lib/problem-text';

export function noticeDone(message: string): void {
  notifications.show({ message, color: 'teal' });
}

export function noticeError(error: unknown): void {
  const { sentence, wayOut } = describeError(error);
  // The same trouble twice is told once.
  notifications.show({
    id: `error-${sentence}`,
    title: sentence,
    message: wayOut,
    color: 'red',
    autoClose: 8000,
  });
}
