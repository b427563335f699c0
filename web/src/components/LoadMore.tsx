import { Button, Center } from '@mantine/core';
import { useIntersection } from '@mantine/hooks';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

interface LoadMoreProps {
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

/** Loads the next page when it is scrolled into sight; the button serves keyboards and failures. */
export function LoadMore({ hasMore, isLoading, onMore }: LoadMoreProps) {
  const { t } = useTranslation();
  const { ref, entry } = useIntersection({ rootMargin: '200px' });
  const isSeen = entry?.isIntersecting === true;

  useEffect(() => {
    if (isSeen && hasMore && !isLoading) onMore();
    // Only coming into sight loads by itself: a page that failed waits for the button.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isSeen, hasMore]);

  if (!hasMore) return null;
  return (
    <Center ref={ref} py="sm">
      <Button variant="subtle" size="sm" loading={isLoading} onClick={onMore}>
        {t('common.loadMore')}
      </Button>
    </Center>
  );
}
