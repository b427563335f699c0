import { useTranslation } from 'react-i18next';

import classes from './Message.module.css';

export function MessageQuestion({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <article className={classes.question} aria-label={t('chat.you')}>
      {text}
    </article>
  );
}
