import { Anchor, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import i18next from 'i18next';

import type { BrainDocument } from '@/lib/api/types';
import { describeProblem } from '@/lib/problem-text';

export type Outcome = Pick<BrainDocument, 'id' | 'brain' | 'title' | 'state' | 'error'>;

/** Of each notice that is shown: of how many documents it tells. */
const shown = new Map<string, number>();

/** One notice per brain for what is ready, and one for what failed: many files make no pile of them. */
export function tellOutcome(outcome: Outcome, onShow: () => void): void {
  const hasFailed = outcome.state === 'failed';
  const id = noticeId(outcome.brain, hasFailed);
  const count = (shown.get(id) ?? 0) + 1;
  shown.set(id, count);
  const notice = {
    id,
    color: hasFailed ? 'red' : 'teal',
    title: titleOf(outcome, count),
    message: (
      <>
        {hasFailed && count === 1 && <Text size="sm">{reasonOf(outcome)}</Text>}
        <Anchor component="button" type="button" size="sm" onClick={onShow}>
          {i18next.t('documents.show')}
        </Anchor>
      </>
    ),
    onClose: () => {
      shown.delete(id);
    },
    ...(hasFailed && { autoClose: false as const }),
  };
  if (count === 1) notifications.show(notice);
  else notifications.update(notice);
}

/** For whoever sees the documents themselves. */
export function hideOutcomes(brain: string): void {
  notifications.hide(noticeId(brain, true));
  notifications.hide(noticeId(brain, false));
}

function noticeId(brain: string, hasFailed: boolean): string {
  return `documents-${hasFailed ? 'failed' : 'ready'}-${brain}`;
}

function titleOf({ title, state }: Outcome, count: number): string {
  if (state === 'failed') {
    return count === 1
      ? i18next.t('documents.failed', { title })
      : i18next.t('documents.failedMany', { count });
  }
  return count === 1
    ? i18next.t('documents.ready', { title })
    : i18next.t('documents.readyMany', { count });
}

function reasonOf({ error }: Outcome): string {
  const { sentence, wayOut } = describeProblem({
    code: error?.code ?? '',
    detail: error?.sentence ?? '',
    wayOut: '',
  });
  return `${sentence} ${wayOut}`;
}
