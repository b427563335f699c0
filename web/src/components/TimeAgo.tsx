import { useInterval } from '@mantine/hooks';
import { useState } from 'react';

import { formatAgo, formatDateTime } from '@/lib/format';
import { currentLanguage } from '@/lib/i18n';

const TICK_MS = 30_000;

/** The language of the page is read as it renders: a change of language renders everything again. */
export function useAgo(iso: string): string {
  const [now, setNow] = useState(() => Date.now());
  useInterval(() => setNow(Date.now()), TICK_MS, { autoInvoke: true });
  return formatAgo(iso, currentLanguage(), Math.max(now, new Date(iso).getTime()));
}

interface TimeAgoProps {
  iso: string;
  /** Puts the words around the time, for languages differ in their order. */
  children?: (when: string) => string;
}

export function TimeAgo({ iso, children }: TimeAgoProps) {
  const when = useAgo(iso);
  return (
    <time dateTime={iso} title={formatDateTime(iso, currentLanguage())}>
      {children ? children(when) : when}
    </time>
  );
}
