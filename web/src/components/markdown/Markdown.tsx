import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';

import { remarkCitations } from './citations';
import { foreignLink } from './links';
import classes from './Markdown.module.css';
import { MarkdownCode } from './MarkdownCode';

interface MarkdownProps {
  text: string;
  /** Numbers that `[n]` may name; others stay text. */
  sources?: readonly number[];
  onSource?: (ordinal: number) => void;
  /** The accessible name of a marker. */
  labelOfSource?: (ordinal: number) => string;
}

/**
 * Text that a model or a stranger wrote. Nothing in it is fetched: no HTML, images become the text of a
 * link, and links show where they lead. A document could otherwise make an answer send words away.
 */
export const Markdown = memo(function Markdown(props: MarkdownProps) {
  const { text, sources, onSource, labelOfSource } = props;
  const ordinals = useMemo(() => new Set(sources), [sources]);
  const components = useMemo<Components>(
    () => ({
      a: ({ href, children }) => <MarkdownLink href={href}>{children}</MarkdownLink>,
      img: ({ src, alt }) => (
        <MarkdownImage src={typeof src === 'string' ? src : undefined} alt={alt} />
      ),
      pre: ({ children }) => <MarkdownCode>{children}</MarkdownCode>,
      table: ({ children }) => (
        <div className={classes.tableScroll}>
          <table>{children}</table>
        </div>
      ),
      cite: ({ node }) => {
        const ordinal = Number(node?.properties['data-source'] ?? node?.properties.dataSource);
        return (
          <button
            type="button"
            className={classes.citation}
            aria-label={labelOfSource?.(ordinal)}
            onClick={() => onSource?.(ordinal)}
          >
            {ordinal}
          </button>
        );
      },
    }),
    [onSource, labelOfSource],
  );
  return (
    <div className={classes.markdown}>
      <ReactMarkdown
        remarkPlugins={[remarkGfm, [remarkCitations, { ordinals }]]}
        components={components}
        skipHtml
      >
        {text}
      </ReactMarkdown>
    </div>
  );
});

function MarkdownLink({ href, children }: { href?: string; children?: React.ReactNode }) {
  const { t } = useTranslation();
  const link = foreignLink(href);
  if (link === null) return <span>{children}</span>;
  return (
    <a
      href={link.href}
      target="_blank"
      rel="noopener noreferrer"
      title={t('markdown.opensElsewhere', { host: link.host })}
    >
      {children} <span className={classes.host}>({link.host})</span>
    </a>
  );
}

function MarkdownImage({ src, alt }: { src?: string; alt?: string }) {
  const { t } = useTranslation();
  const name = alt ? t('markdown.image', { name: alt }) : t('markdown.imageUnnamed');
  return <MarkdownLink href={src}>{name}</MarkdownLink>;
}
