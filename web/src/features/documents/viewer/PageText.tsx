import { Skeleton, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import type { PageContent } from '@/lib/api/types';
import { splitAt } from '@/lib/text';

import classes from './DocumentViewer.module.css';
import type { Passage } from './passage';

interface PageTextProps {
  page: UseQueryResult<PageContent>;
  isRead: boolean;
  passage: Passage | null;
}

/** The text of a page as search sees it, with the passage marked and scrolled to. */
export function PageText({ page, isRead, passage }: PageTextProps) {
  const { t } = useTranslation();
  const mark = useRef<HTMLElement>(null);
  const content = page.data;

  useEffect(() => {
    mark.current?.scrollIntoView({ block: 'start' });
  }, [content, passage]);

  if (!isRead) {
    return (
      <Text className={classes.notice} c="dimmed">
        {t('viewer.notRead')}
      </Text>
    );
  }
  if (page.isPending) return <Skeleton m="md" h={300} />;
  if (page.isError || !content) {
    return (
      <div className={classes.notice}>
        <ErrorNotice error={page.error} onRetry={() => void page.refetch()} />
      </div>
    );
  }
  if (content.text.trim() === '') {
    return (
      <Text className={classes.notice} c="dimmed">
        {t('viewer.noText')}
      </Text>
    );
  }
  const parts = splitAt(content.text, passage?.start ?? 0, passage?.end ?? 0);
  return (
    <div className={classes.text} tabIndex={0} role="document" key={content.number}>
      {parts.before}
      {parts.marked !== '' && (
        <mark ref={mark} className={classes.mark} aria-label={t('viewer.cited')}>
          {parts.marked}
        </mark>
      )}
      {parts.after}
    </div>
  );
}
