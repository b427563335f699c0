import { ActionIcon, Tooltip } from '@mantine/core';
import { IconRefresh, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';

import { siteQuery } from '@/lib/api/queries';
import { formatBytes } from '@/lib/format';
import { describeProblem } from '@/lib/problem-text';

import { pathOf } from './folders';
import { ResultList } from './ResultList';
import { type ResultKind, ResultRow } from './ResultRow';
import {
  canRetryFailed,
  isRunning,
  mayWorkAgain,
  type Upload,
  uploadStore,
  useUploads,
} from './uploads';

/** What moves comes first, then what went wrong. */
const INTEREST: Upload['state'][] = [
  'sending',
  'failed',
  'waiting',
  'duplicate',
  'added',
  'cancelled',
];

function byInterest(one: Upload, other: Upload): number {
  return INTEREST.indexOf(one.state) - INTEREST.indexOf(other.state);
}

export function UploadList({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const uploads = useUploads(brain);
  const running = uploads.filter(isRunning).length;
  const failed = uploads.filter((upload) => upload.state === 'failed').length;
  if (uploads.length === 0) return null;
  const summary = [
    running > 0 && t('documents.uploadsSummary', { count: running }),
    failed > 0 && t('documents.failedUploads', { count: failed }),
  ].filter((part) => part !== false);
  return (
    <ResultList
      label={t('documents.uploads')}
      summary={summary.join(' · ') || t('documents.uploads')}
      rows={[...uploads].sort(byInterest).map((upload) => (
        <UploadRow key={upload.id} upload={upload} />
      ))}
      onRetry={canRetryFailed(uploads) ? () => uploadStore.retryFailed(brain) : undefined}
      onClear={running < uploads.length ? () => uploadStore.clearFinished(brain) : undefined}
    />
  );
}

const KINDS: Record<Upload['state'], ResultKind> = {
  waiting: 'open',
  sending: 'open',
  added: 'done',
  duplicate: 'there',
  failed: 'failed',
  cancelled: 'open',
};

const UploadRow = memo(function UploadRow({ upload }: { upload: Upload }) {
  const { t, i18n } = useTranslation();
  const limit = useQuery(siteQuery).data?.upload_limit_bytes;
  const { id, file, state } = upload;
  const { name } = file;
  const percent = state === 'sending' ? (upload.sent / Math.max(1, file.size)) * 100 : null;
  return (
    <ResultRow
      kind={KINDS[state]}
      state={state}
      name={pathOf(file)}
      text={describeUpload(upload, t, i18n.language, limit)}
      progress={percent}
    >
      {mayWorkAgain(upload) && (
        <UploadAction
          label={t('documents.uploadRetry', { name })}
          onClick={() => uploadStore.retry(id)}
        >
          <IconRefresh size={16} />
        </UploadAction>
      )}
      {isRunning(upload) ? (
        <UploadAction
          label={t('documents.uploadCancel', { name })}
          onClick={() => uploadStore.cancel(id)}
        >
          <IconX size={16} />
        </UploadAction>
      ) : (
        <UploadAction
          label={t('documents.uploadDismiss', { name })}
          onClick={() => uploadStore.dismiss(id)}
        >
          <IconX size={16} />
        </UploadAction>
      )}
    </ResultRow>
  );
});

interface UploadActionProps {
  label: string;
  onClick: () => void;
  children: React.ReactNode;
}

function UploadAction({ label, onClick, children }: UploadActionProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

function describeUpload(
  upload: Upload,
  t: TFunction,
  language: string,
  limit: number | undefined,
): string {
  const size = formatBytes(upload.file.size, language);
  switch (upload.state) {
    case 'waiting':
      return t('documents.uploadWaiting');
    case 'sending': {
      if (upload.sent >= upload.file.size) return t('documents.uploadStoring');
      const share = new Intl.NumberFormat(language, { style: 'percent' });
      return t('documents.uploadRunning', {
        percent: share.format(upload.sent / Math.max(1, upload.file.size)),
        size,
      });
    }
    case 'added':
      return t('documents.uploadDone');
    case 'duplicate':
      return t('documents.uploadDuplicate');
    case 'cancelled':
      return t('documents.uploadCancelled');
    case 'failed': {
      if (upload.problem.code === 'too-large' && limit !== undefined) {
        const sentence = t('documents.tooLarge', { size, limit: formatBytes(limit, language) });
        return `${sentence} ${t('documents.tooLargeWayOut')}`;
      }
      const { sentence, wayOut } = describeProblem(upload.problem);
      return `${sentence} ${wayOut}`;
    }
  }
}
