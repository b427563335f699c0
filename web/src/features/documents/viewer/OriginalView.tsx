import { ActionIcon, Alert, Button, Center, Loader, Tooltip } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { IconZoomIn, IconZoomOut, IconZoomReset } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { BrainDocument, PageContent } from '@/lib/api/types';
import { apiUrl } from '@/lib/http';

import classes from './DocumentViewer.module.css';
import { type Passage, type Place, placesOf } from './passage';

const PdfPage = lazy(async () => ({ default: (await import('./PdfPage')).PdfPage }));

const MARGIN = 24;
const ZOOM_STEP = 1.25;
const LARGEST_ZOOM = 4;
const SMALLEST_ZOOM = 0.5;

interface OriginalViewProps {
  document: BrainDocument;
  page: number;
  content: PageContent | undefined;
  passage: Passage | null;
  onShowText: () => void;
}

/** The page as it looks in the file, with the passage marked on it. */
export function OriginalView({ document, page, content, passage, onShowText }: OriginalViewProps) {
  const { t } = useTranslation();
  const [zoom, setZoom] = useState(1);
  const [failedPage, setFailedPage] = useState<number | null>(null);
  const { ref, width } = useElementSize<HTMLDivElement>();
  const scroll = useRef<HTMLDivElement>(null);
  const url = apiUrl(`documents/${document.id}/file`, { inline: 1 });
  const places = placesOf(content, passage);
  const sheetWidth = Math.max(0, (width - MARGIN) * zoom);
  const onError = () => setFailedPage(page);

  useEffect(() => {
    scroll.current?.scrollTo({ top: 0 });
  }, [page]);

  if (failedPage === page) {
    return (
      <div className={classes.notice}>
        <Alert color="gray" title={t('viewer.originalFailed')}>
          {t('viewer.originalFailedText')}
          <Button variant="light" size="xs" mt="sm" onClick={onShowText} display="block">
            {t('viewer.text')}
          </Button>
        </Alert>
      </div>
    );
  }
  return (
    <div className={classes.scroll} ref={scroll} tabIndex={0} role="document">
      <div ref={ref}>
        {width > 0 &&
          (document.media_type === 'application/pdf' ? (
            <Suspense fallback={<PageLoader />}>
              <PdfPage url={url} page={page} width={sheetWidth} onError={onError}>
                <PassageMarks places={places} />
              </PdfPage>
            </Suspense>
          ) : (
            <div className={classes.sheet} style={{ width: sheetWidth }}>
              <img
                className={classes.picture}
                src={url}
                alt={t('viewer.imageAlt', { page, title: document.title })}
                onError={onError}
              />
              <PassageMarks places={places} />
            </div>
          ))}
      </div>
      <ZoomControls zoom={zoom} onZoom={setZoom} />
    </div>
  );
}

function PageLoader() {
  const { t } = useTranslation();
  return (
    <Center py="xl">
      <Loader aria-label={t('app.loading')} />
    </Center>
  );
}

function PassageMarks({ places }: { places: Place[] }) {
  const { t } = useTranslation();
  const first = useRef<HTMLElement>(null);
  const key = JSON.stringify(places[0] ?? null);

  useEffect(() => {
    first.current?.scrollIntoView({ block: 'start' });
  }, [key]);

  return places.map((place, index) => (
    <mark
      key={index}
      ref={index === 0 ? first : undefined}
      className={classes.box}
      aria-label={index === 0 ? t('viewer.cited') : undefined}
      style={{
        left: share(place.left),
        top: share(place.top),
        width: share(place.width),
        height: share(place.height),
      }}
    />
  ));
}

function share(value: number): string {
  return `${(value * 100).toFixed(3)}%`;
}

function ZoomControls({ zoom, onZoom }: { zoom: number; onZoom: (zoom: number) => void }) {
  const { t } = useTranslation();
  const buttons = [
    { label: t('viewer.zoomOut'), Icon: IconZoomOut, next: zoom / ZOOM_STEP },
    { label: t('viewer.fit'), Icon: IconZoomReset, next: 1 },
    { label: t('viewer.zoomIn'), Icon: IconZoomIn, next: zoom * ZOOM_STEP },
  ];
  return (
    <div className={classes.zoom}>
      {buttons.map(({ label, Icon, next }) => (
        <Tooltip key={label} label={label}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={label}
            onClick={() => onZoom(Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, next)))}
          >
            <Icon size={18} />
          </ActionIcon>
        </Tooltip>
      ))}
    </div>
  );
}
