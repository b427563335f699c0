import { Children, isValidElement, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { CopyAction } from '../CopyAction';
import classes from './Markdown.module.css';

/** A block of code with its language and a button that copies it. */
export function MarkdownCode({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  const { text, language } = readCode(children);
  return (
    <div className={classes.code}>
      <div className={classes.codeBar}>
        <span>{language || t('markdown.code')}</span>
        <CopyAction text={text} label={t('markdown.copyCode')} size="sm" />
      </div>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </div>
  );
}

function readCode(children: ReactNode): { text: string; language: string } {
  const [code] = Children.toArray(children);
  if (!isValidElement<{ className?: string; children?: ReactNode }>(code)) {
    return { text: '', language: '' };
  }
  const language = /language-(\S+)/.exec(code.props.className ?? '')?.[1] ?? '';
  const text = typeof code.props.children === 'string' ? code.props.children : '';
  return { text: text.replace(/\n$/, ''), language };
}
