import { Center, Loader } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import classes from './DocumentViewer.module.css';
import { openPdf, type PdfDocument } from './pdf';

interface PdfPageProps {
  url: string;
  page: number;
  /** In CSS pixels. */
  width: number;
  onError: () => void;
  /** Laid over the page, once it is there. */
  children: ReactNode;
}

/** Bounds the memory of one page on a dense display. */
const LARGEST_CANVAS_PIXELS = 16_000_000;

export function PdfPage({ url, page, width, onError, children }: PdfPageProps) {
  const { t } = useTranslation();
  const pdf = usePdf(url, onError);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drawn, setDrawn] = useState<{ page: number; ratio: number } | null>(null);

  useEffect(() => {
    const target = canvas.current;
    if (pdf === null || target === null || width === 0) return;
    const drawing = new AbortController();
    drawPage(pdf, page, width, target, drawing.signal).then(
      (ratio) => {
        if (!drawing.signal.aborted) setDrawn({ page, ratio });
      },
      () => {
        if (!drawing.signal.aborted) onError();
      },
    );
    return () => drawing.abort();
    // A new handler is no reason to draw the same page again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [pdf, page, width]);

  const isDrawn = drawn?.page === page;
  return (
    <>
      {!isDrawn && (
        <Center py="xl">
          <Loader aria-label={t('app.loading')} />
        </Center>
      )}
      <div
        className={classes.sheet}
        style={{ width, height: drawn ? width * drawn.ratio : 0, display: isDrawn ? 'block' : 'none' }}
      >
        <canvas
          ref={canvas}
          className={classes.picture}
          role="img"
          aria-label={t('viewer.pageNumber', { page })}
        />
        {isDrawn && children}
      </div>
    </>
  );
}

function usePdf(url: string, onError: () => void): PdfDocument | null {
  const [pdf, setPdf] = useState<PdfDocument | null>(null);

  useEffect(() => {
    const opening = openPdf(url);
    let isLeft = false;
    opening.promise.then(
      (opened) => {
        if (!isLeft) setPdf(opened);
      },
      () => {
        if (!isLeft) onError();
      },
    );
    return () => {
      isLeft = true;
      setPdf(null);
      void opening.destroy();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [url]);

  return pdf;
}

/** Draws a page as wide as asked; the page's height over its width. */
async function drawPage(
  pdf: PdfDocument,
  number: number,
  width: number,
  canvas: HTMLCanvasElement,
  signal: AbortSignal,
): Promise<number> {
  const page = await pdf.getPage(number);
  signal.throwIfAborted();
  const natural = page.getViewport({ scale: 1 });
  const ratio = natural.height / natural.width;
  const density = Math.min(
    window.devicePixelRatio || 1,
    Math.sqrt(LARGEST_CANVAS_PIXELS / (width * width * ratio)),
  );
  const viewport = page.getViewport({ scale: (width * density) / natural.width });
  // Drawn aside and shown when whole: while zooming, the page before stays in sight.
  const sheet = document.createElement('canvas');
  sheet.width = Math.floor(viewport.width);
  sheet.height = Math.floor(viewport.height);
  const task = page.render({ canvas: sheet, viewport });
  signal.addEventListener('abort', () => task.cancel());
  await task.promise;
  canvas.width = sheet.width;
  canvas.height = sheet.height;
  canvas.getContext('2d')?.drawImage(sheet, 0, 0);
  return ratio;
}
