import { useCallback, useLayoutEffect, useMemo, useRef } from 'react';
import { useSearchParams } from 'react-router';

/** A document beside the page; a passage of it where it was opened from a source. */
export interface OpenDocument {
  document: string;
  page: number;
  /** Code points of the page's text. */
  passage: { page: number; start: number; end: number } | null;
}

/**
 * The open document stands in the address: a link to a source can be shared, and Back closes it.
 */
export function useOpenDocument() {
  const [search, setSearch] = useSearchParams();
  const opened = useMemo(() => readOpen(search), [search]);
  // The router's function is another one after every change of the address. Ours stay the same, or
  // each opened source would draw every answer anew and take the focus from its marker.
  const write = useRef(setSearch);
  useLayoutEffect(() => {
    write.current = setSearch;
  });

  const open = useCallback((target: OpenDocument) => {
    write.current((current) => writeOpen(current, target));
  }, []);
  const turnTo = useCallback((page: number) => {
    write.current(
      (current) => {
        const next = new URLSearchParams(current);
        next.set('page', String(page));
        return next;
      },
      { replace: true },
    );
  }, []);
  const close = useCallback(() => {
    write.current((current) => writeOpen(current, null));
  }, []);

  return { opened, open, turnTo, close };
}

function readOpen(search: URLSearchParams): OpenDocument | null {
  const document = search.get('document');
  if (!document) return null;
  const passage = /^(\d+):(\d+)-(\d+)$/.exec(search.get('passage') ?? '');
  return {
    document,
    page: Math.max(1, Number(search.get('page')) || 1),
    passage: passage && {
      page: Number(passage[1]),
      start: Number(passage[2]),
      end: Number(passage[3]),
    },
  };
}

function writeOpen(current: URLSearchParams, target: OpenDocument | null): URLSearchParams {
  const next = new URLSearchParams(current);
  for (const name of ['document', 'page', 'passage']) next.delete(name);
  if (target) {
    next.set('document', target.document);
    next.set('page', String(target.page));
    if (target.passage) {
      const { page, start, end } = target.passage;
      next.set('passage', `${page}:${start}-${end}`);
    }
  }
  return next;
}
