import { useCallback, useEffect, useRef, useState } from 'react';

/** How near to the end somebody counts as reading along. */
const NEAR_PX = 80;

/**
 * Keeps the end in sight while a text grows, for as long as the reader stays there: whoever scrolls
 * up to read is left in peace.
 */
export function useStickyScroll() {
  const viewport = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const [isAway, setIsAway] = useState(false);

  const toEnd = useCallback(() => {
    isFollowing.current = true;
    setIsAway(false);
    const element = viewport.current;
    element?.scrollTo({ top: element.scrollHeight });
  }, []);

  useEffect(() => {
    const element = viewport.current;
    if (element === null || content.current === null) return;
    let height = element.scrollHeight;

    const onScroll = () => {
      // The text growing is no reading: only then has the height changed.
      const hasGrown = element.scrollHeight !== height;
      height = element.scrollHeight;
      const distance = height - element.scrollTop - element.clientHeight;
      if (hasGrown && isFollowing.current) return;
      isFollowing.current = distance < NEAR_PX;
      setIsAway(!isFollowing.current);
    };
    const observer = new ResizeObserver(() => {
      height = element.scrollHeight;
      if (isFollowing.current) element.scrollTo({ top: height });
      else setIsAway(height - element.scrollTop - element.clientHeight >= NEAR_PX);
    });
    element.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(content.current);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, []);

  return { viewport, content, isAway, toEnd };
}
