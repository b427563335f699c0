import { ActionIcon, Button, Card, Group, Progress, ScrollArea, Stack, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopyCheck, IconRefresh, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { TFunction } from 'i18next';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';

import { siteQuery } from '@/lib/api/queries';
import { formatBytes } from '@/lib/format';
import { describeProblem } from '@/lib/problem-text';

import { isRunning, type Upload, uploadStore, useUploads } from './uploads';

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

const SHOWN_HEIGHT = 260;
/** Invalid, too large, of a type that can't be read, broken. */
const REFUSED = new Set([400, 413, 415, 422]);

export function UploadList({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const uploads = useUploads(brain);
  const running = uploads.filter(isRunning).length;
  const failed = uploads.filter((upload) => upload.state === 'failed').length;
  if (uploads.length === 0) return null;
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" mb={6}>
        <Text size="sm" fw={600} role="status">
          {running > 0 && t('documents.uploadsSummary', { count: running })}
          {running === 0 && failed > 0 && t('documents.failedUploads', { count: failed })}
          {running === 0 && failed === 0 && t('documents.uploads')}
        </Text>
        {running < uploads.length && (
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => uploadStore.clearFinished(brain)}
          >
            {t('documents.uploadsClear')}
          </Button>
        )}
      </Group>
      <ScrollArea.Autosize mah={SHOWN_HEIGHT}>
        <Stack gap={6}>
          {[...uploads].sort(byInterest).map((upload) => (
            <UploadRow key={upload.id} upload={upload} />
          ))}
        </Stack>
      </ScrollArea.Autosize>
    </Card>
  );
}

const UploadRow = memo(function UploadRow({ upload }: { upload: Upload }) {
  const { t, i18n } = useTranslation();
  const limit = useQuery(siteQuery).data?.upload_limit_bytes;
  const { id, file, state } = upload;
  const percent = state === 'sending' ? (upload.sent / Math.max(1, file.size)) * 100 : 0;
  return (
    <Group gap="sm" wrap="nowrap" data-upload={state}>
      <UploadIcon state={state} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <Text size="sm" truncate>
          {file.name}
        </Text>
        <Text size="xs" c={state === 'failed' ? 'var(--mantine-color-error)' : 'dimmed'}>
          {describeUpload(upload, t, i18n.language, limit)}
        </Text>
        {state === 'sending' && (
          <Progress value={percent} size="xs" mt={3} aria-label={file.name} />
        )}
      </div>
      {mayWorkAgain(upload) && (
        <UploadAction
          label={t('documents.uploadRetry', { name: file.name })}
          onClick={() => uploadStore.retry(id)}
        >
          <IconRefresh size={16} />
        </UploadAction>
      )}
      {isRunning(upload) ? (
        <UploadAction
          label={t('documents.uploadCancel', { name: file.name })}
          onClick={() => uploadStore.cancel(id)}
        >
          <IconX size={16} />
        </UploadAction>
      ) : (
        <UploadAction
          label={t('documents.uploadDismiss', { name: file.name })}
          onClick={() => uploadStore.dismiss(id)}
        >
          <IconX size={16} />
        </UploadAction>
      )}
    </Group>
  );
});

/** A file that was refused for what it is will be refused again. */
function mayWorkAgain(upload: Upload): boolean {
  if (upload.state === 'cancelled') return true;
  return upload.state === 'failed' && !REFUSED.has(upload.problem.status);
}

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

function UploadIcon({ state }: { state: Upload['state'] }) {
  const style = { flex: 'none' };
  if (state === 'added') return <IconCheck size={18} color="var(--mantine-color-teal-6)" style={style} />;
  if (state === 'duplicate') return <IconCopyCheck size={18} style={style} />;
  if (state === 'failed') {
    return <IconAlertTriangle size={18} color="var(--mantine-color-error)" style={style} />;
  }
  return <span style={{ ...style, width: 18 }} />;
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
