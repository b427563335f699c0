import type { DocumentState } from '@/lib/api/types';

export const STATE_COLORS: Record<DocumentState, string> = {
  received: 'gray',
  reading: 'blue',
  indexing: 'blue',
  ready: 'teal',
  failed: 'red',
  cancelled: 'gray',
};
