import type { PageBox, PageContent } from '@/lib/api/types';

/** A place in a page's text, in code points. */
export interface Passage {
  start: number;
  end: number;
}

/** A rectangle in shares of the page's width and height. */
export interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where the words of a passage stand on the page. */
export function placesOf(content: PageContent | undefined, passage: Passage | null): Place[] {
  if (!content?.width || !content.height || passage === null) return [];
  const { width, height, boxes } = content;
  return mergeLines(boxes.filter(([start, end]) => start < passage.end && end > passage.start)).map(
    ([, , x0, y0, x1, y1]) => ({
      left: x0 / width,
      top: y0 / height,
      width: (x1 - x0) / width,
      height: (y1 - y0) / height,
    }),
  );
}

/** Joins neighbouring words of a line, so that a passage looks like one stroke of a marker. */
function mergeLines(boxes: PageBox[]): PageBox[] {
  const lines: PageBox[] = [];
  for (const box of boxes) {
    const last = lines.at(-1);
    if (last && continuesLine(last, box)) {
      lines[lines.length - 1] = [
        last[0],
        box[1],
        last[2],
        Math.min(last[3], box[3]),
        Math.max(last[4], box[4]),
        Math.max(last[5], box[5]),
      ];
    } else {
      lines.push(box);
    }
  }
  return lines;
}

function continuesLine(last: PageBox, next: PageBox): boolean {
  const [, , , top, right, bottom] = last;
  const [, , nextLeft, nextTop, , nextBottom] = next;
  const height = Math.min(bottom - top, nextBottom - nextTop);
  const overlap = Math.min(bottom, nextBottom) - Math.max(top, nextTop);
  const gap = nextLeft - right;
  return overlap > height / 2 && gap > -height && gap < 2 * Math.max(bottom - top, height);
}
