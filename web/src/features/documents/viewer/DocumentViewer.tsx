import { ActionIcon, Group, SegmentedControl, Skeleton, Text, Title, Tooltip } from '@mantine/core';
import { IconArrowsDiagonal, IconArrowsDiagonalMinimize2, IconDownload, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ErrorNotice } from '@/components/ErrorNotice';
import type { BrainDocument } from '@/lib/api/types';
import { apiUrl } from '@/lib/http';
import { type OpenDocument, useOpenDocument } from '@/lib/open-document';

import { documentPageQuery, documentPagesQuery, documentQuery, isInWork } from '../api';
import classes from './DocumentViewer.module.css';
import { OriginalView } from './OriginalView';
import { PageNavigation } from './PageNavigation';
import { PageText } from './PageText';

type View = 'text' | 'original';

interface DocumentViewerProps {
  opened: OpenDocument;
  /** On a phone it covers the page; beside it otherwise. */
  isOverlay: boolean;
}

/** A document beside the page: its text and its original, with the cited passage marked in both. */
export function DocumentViewer({ opened, isOverlay }: DocumentViewerProps) {
  const { t } = useTranslation();
  const { close } = useOpenDocument();
  const [isWide, setIsWide] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const document = useQuery(documentQuery(opened.document));

  // Focus comes along, and goes back to the marker or the row from which the document was opened.
  useEffect(() => {
    const before = globalThis.document.activeElement;
    heading.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [opened.document, opened.passage]);

  return (
    <aside
      className={classes.viewer}
      data-overlay={isOverlay || undefined}
      data-wide={isWide || undefined}
      aria-label={t('viewer.label')}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) close();
      }}
    >
      <Group className={classes.head} wrap="nowrap" gap={4}>
        <Title ref={heading} tabIndex={-1} order={2} size="h5" lineClamp={1} className={classes.title}>
          {document.data?.title ?? t('viewer.label')}
        </Title>
        <Tooltip label={t('documents.download')}>
          <ActionIcon
            component="a"
            href={apiUrl(`documents/${opened.document}/file`)}
            download
            variant="subtle"
            color="gray"
            aria-label={t('documents.download')}
          >
            <IconDownload size={18} />
          </ActionIcon>
        </Tooltip>
        {!isOverlay && (
          <Tooltip label={t(isWide ? 'viewer.narrow' : 'viewer.widen')}>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t(isWide ? 'viewer.narrow' : 'viewer.widen')}
              onClick={() => setIsWide(!isWide)}
            >
              {isWide ? <IconArrowsDiagonalMinimize2 size={18} /> : <IconArrowsDiagonal size={18} />}
            </ActionIcon>
          </Tooltip>
        )}
        <Tooltip label={t('viewer.close')}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('viewer.close')}
            onClick={close}
          >
            <IconX size={18} />
          </ActionIcon>
        </Tooltip>
      </Group>
      {document.isPending && <Skeleton m="md" h={300} />}
      {document.isError && (
        <div className={classes.notice}>
          <ErrorNotice error={document.error} onRetry={() => void document.refetch()} />
        </div>
      )}
      {document.data && (
        <ViewerBody key={document.data.id} document={document.data} opened={opened} />
      )}
    </aside>
  );
}

function ViewerBody({ document, opened }: { document: BrainDocument; opened: OpenDocument }) {
  const { t } = useTranslation();
  const { turnTo } = useOpenDocument();
  const hasOriginal = isShownInline(document.media_type);
  const [view, setView] = useState<View>(hasOriginal ? 'original' : 'text');
  const pages = useQuery(documentPagesQuery(document.id, isInWork(document.state)));
  const total = Math.max(document.pages_total ?? 0, pages.data?.length ?? 0, 1);
  const passage = opened.passage?.page === opened.page ? opened.passage : null;
  const summary = pages.data?.find((each) => each.number === opened.page);
  // Pages come one by one while a document is being read.
  const page = useQuery({
    ...documentPageQuery(document.id, opened.page),
    enabled: summary !== undefined,
  });

  return (
    <>
      <Group className={classes.tools} justify="space-between" gap="xs">
        <PageNavigation
          page={opened.page}
          total={total}
          label={summary?.label ?? ''}
          onTurn={turnTo}
        />
        {hasOriginal && (
          <SegmentedControl
            size="xs"
            aria-label={t('viewer.label')}
            value={view}
            onChange={(next) => setView(next)}
            data={[
              { value: 'original', label: t('viewer.original') },
              { value: 'text', label: t('viewer.text') },
            ]}
          />
        )}
      </Group>
      <Group className={classes.facts} gap="xs">
        {summary?.source === 'ocr' && (
          <Text size="xs" c="dimmed">
            {ocrText(summary.confidence)}
          </Text>
        )}
        {summary && !summary.is_indexed && (
          <Text size="xs" c="dimmed">
            {t('viewer.notIndexed')}
          </Text>
        )}
        {opened.passage && opened.passage.page !== opened.page && (
          <button
            type="button"
            className={classes.back}
            onClick={() => turnTo(opened.passage?.page ?? 1)}
          >
            {t('viewer.backToCited')}
          </button>
        )}
      </Group>
      {view === 'original' && hasOriginal ? (
        <OriginalView
          document={document}
          page={opened.page}
          content={page.data}
          passage={passage}
          onShowText={() => setView('text')}
        />
      ) : (
        <PageText page={page} isRead={pages.isPending || summary !== undefined} passage={passage} />
      )}
    </>
  );

  function ocrText(confidence: number | null): string {
    if (confidence === null) return t('viewer.ocr');
    const percent = Math.round(confidence * 100);
    return t('viewer.ocrConfidence', { percent: `${percent} %` });
  }
}

/** Browsers other than Safari don't know these: their text is shown, and they can be downloaded. */
const UNKNOWN_TO_BROWSERS = ['image/tiff', 'image/heic'];

function isShownInline(mediaType: string): boolean {
  return (
    mediaType === 'application/pdf' ||
    (mediaType.startsWith('image/') && !UNKNOWN_TO_BROWSERS.includes(mediaType))
  );
}
