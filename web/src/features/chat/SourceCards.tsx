import { Text, UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Source } from '@/lib/api/types';
import { useOpenDocument } from '@/lib/open-document';

import classes from './SourceCards.module.css';

interface SourceCardsProps {
  sources: Source[];
  /** The answer: sources that it names are set off from those that it was only given. */
  text: string;
}

export function SourceCards({ sources, text }: SourceCardsProps) {
  const { t } = useTranslation();
  const { open } = useOpenDocument();
  const isAnyNamed = sources.some(({ ordinal }) => text.includes(`[${ordinal}]`));
  return (
    <div role="group" aria-label={t('chat.sourcesTitle')}>
      <Text size="xs" fw={600} c="dimmed" mb={6}>
        {t('chat.sources', { count: sources.length })}
      </Text>
      <ol className={classes.cards}>
        {sources.map((source) => {
          const { ordinal, document, title, page_from: page, page_to: last, start, end } = source;
          return (
            <li key={ordinal}>
              <UnstyledButton
                className={classes.card}
                data-quiet={(isAnyNamed && !text.includes(`[${ordinal}]`)) || undefined}
                onClick={() => open({ document, page, passage: { page, start, end } })}
              >
                <span className="visually-hidden">{t('chat.openCard')}</span>
                <span className={classes.number}>{ordinal}</span>
                <span className={classes.body}>
                  <span className={classes.title}>{title}</span>
                  <span className={classes.page}>
                    {last > page
                      ? t('chat.sourcePages', { from: page, to: last })
                      : t('chat.sourcePage', { page })}
                  </span>
                  <span className={classes.quote}>{source.quote}</span>
                </span>
              </UnstyledButton>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
