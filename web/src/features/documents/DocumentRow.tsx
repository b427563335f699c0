import { ActionIcon, Badge, Button, Group, Menu, Progress, Text, UnstyledButton } from '@mantine/core';
import {
  IconDotsVertical,
  IconDownload,
  IconPlayerStop,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';

import { confirmDanger } from '@/components/confirm';
import { noticeDone } from '@/components/notices';
import { TimeAgo } from '@/components/TimeAgo';
import type { BrainDocument, DocumentVersionProgress } from '@/lib/api/types';
import { formatBytes } from '@/lib/format';
import { apiUrl } from '@/lib/http';
import { useOpenDocument } from '@/lib/open-document';
import { describeProblem } from '@/lib/problem-text';

import {
  isInWork,
  isMoving,
  useCancelDocument,
  useDeleteDocument,
  useRetryDocument,
} from './api';
import classes from './DocumentRow.module.css';
import { DocumentIcon } from './DocumentIcon';
import { RereadMenuItem } from './RereadMenuItem';
import { STATE_COLORS } from './states';

interface DocumentRowProps {
  document: BrainDocument;
  mayEdit: boolean;
}

/** Drawn again only when its own document changes: a list of many moves all the time. */
export const DocumentRow = memo(function DocumentRow({ document, mayEdit }: DocumentRowProps) {
  const { t, i18n } = useTranslation();
  const { open } = useOpenDocument();
  const retry = useRetryDocument(document.brain);
  const { title, state } = document;
  const hasFile = document.media_type !== '';
  const canRetry = mayEdit && (state === 'failed' || state === 'cancelled');
  const pagesText = () => {
    const { pages_done: done, pages_total: total } = document;
    return state === 'ready' || done === 0
      ? t('documents.pages', { count: total ?? 0 })
      : t('documents.progress', { done, total });
  };
  return (
    <li className={classes.row}>
      <div className={classes.cells}>
        <DocumentIcon mediaType={document.media_type} />
        <div className={classes.body}>
          <UnstyledButton
            className={classes.title}
            aria-label={t('documents.open', { title })}
            onClick={() => open({ document: document.id, page: 1, passage: null })}
          >
            {title}
          </UnstyledButton>
          <Group gap="0 12px" fz="xs" c="dimmed">
            {hasFile && <span>{formatBytes(document.size_bytes, i18n.language)}</span>}
            {document.source_url !== '' && (
              <span className="break">
                {t('documents.from', { host: hostOf(document.source_url) })}
              </span>
            )}
            {document.pages_total !== null && !isInWork(state) && (
              <span>{pagesText()}</span>
            )}
            <TimeAgo iso={document.created_at}>{(when) => t('documents.added', { when })}</TimeAgo>
          </Group>
          {isInWork(state) && <DocumentProgress document={document} />}
          {state === 'failed' && <DocumentFailure error={document.error} />}
          {document.next && <NextReading title={title} next={document.next} />}
        </div>
        {canRetry && (
          <Button
            className={classes.retry}
            size="compact-sm"
            variant="light"
            leftSection={<IconRefresh size={14} />}
            loading={retry.isPending}
            onClick={() => retry.mutate(document.id)}
          >
            {t('documents.retry')}
          </Button>
        )}
        <Group className={classes.end} gap="xs" wrap="nowrap">
          <Badge variant="light" color={STATE_COLORS[state]} tt="none" flex="none">
            {t(`documents.state.${state}`)}
          </Badge>
          <DocumentActions document={document} mayEdit={mayEdit} />
        </Group>
      </div>
    </li>
  );
});

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url;
}

function DocumentProgress({ document }: { document: BrainDocument }) {
  const { t } = useTranslation();
  const { pages_done: done, pages_total: total, title } = document;
  const unknown =
    document.media_type === '' ? t('documents.progressFetching') : t('documents.progressUnknown');
  const text = total === null ? unknown : t('documents.progress', { done, total });
  return <ProgressLine title={title} text={text} done={done} total={total} />;
}

/** What is there stays searchable meanwhile, and if it goes wrong. */
function NextReading({ title, next }: { title: string; next: DocumentVersionProgress }) {
  const { t } = useTranslation();
  const { pages_done: done, pages_total: total } = next;
  if (!isInWork(next.state)) {
    return <DocumentFailure error={next.error} before={t('documents.rereadFailed')} />;
  }
  const text = total === null ? t('documents.reread') : t('documents.rereadOf', { done, total });
  return <ProgressLine title={title} text={text} done={done} total={total} />;
}

interface ProgressLineProps {
  title: string;
  text: string;
  done: number;
  total: number | null;
}

function ProgressLine({ title, text, done, total }: ProgressLineProps) {
  return (
    <Group gap="sm" mt={6} wrap="nowrap">
      <Progress.Root size="sm" flex={1} maw={360}>
        <Progress.Section
          value={total ? Math.max(2, (done / total) * 100) : 100}
          striped={total === null}
          animated={total === null}
          aria-label={`${title}: ${text}`}
        />
      </Progress.Root>
      <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        {text}
      </Text>
    </Group>
  );
}

interface DocumentFailureProps {
  error: DocumentVersionProgress['error'];
  before?: string;
}

function DocumentFailure({ error, before = '' }: DocumentFailureProps) {
  if (error === null) return null;
  const text = describeProblem({ code: error.code, detail: error.sentence, wayOut: '' });
  return (
    <Text size="sm" c="var(--mantine-color-error)" mt={4} className="break">
      {before} {text.sentence} {text.wayOut}
    </Text>
  );
}

function DocumentActions({ document, mayEdit }: DocumentRowProps) {
  const { t } = useTranslation();
  const cancel = useCancelDocument(document.brain);
  const remove = useDeleteDocument(document.brain);
  const { id, title, state, next } = document;
  const hasFile = document.media_type !== '';
  const askToCancel = () =>
    confirmDanger({
      title: t('documents.cancelTitle', { title }),
      text: t('documents.cancelText'),
      confirm: t('documents.cancel'),
      onConfirm: () => cancel.mutate(id),
    });
  const askToDelete = () =>
    confirmDanger({
      title: t('documents.deleteTitle', { title }),
      text: t('documents.deleteText'),
      confirm: t('documents.delete'),
      onConfirm: () =>
        remove.mutate(id, { onSuccess: () => noticeDone(t('documents.deleted', { title })) }),
    });
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('documents.actions', { title })}>
          <IconDotsVertical size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {hasFile && (
          <Menu.Item
            component="a"
            href={apiUrl(`documents/${id}/file`)}
            download
            leftSection={<IconDownload size={16} />}
          >
            {t('documents.download')}
          </Menu.Item>
        )}
        {mayEdit && isInWork(state) && (
          <Menu.Item leftSection={<IconPlayerStop size={16} />} onClick={askToCancel}>
            {t('documents.cancel')}
          </Menu.Item>
        )}
        {mayEdit && hasFile && !isMoving(document) && <RereadMenuItem document={document} />}
        {mayEdit && next && (
          <Menu.Item leftSection={<IconPlayerStop size={16} />} onClick={() => cancel.mutate(id)}>
            {isInWork(next.state) ? t('documents.rereadStop') : t('documents.rereadDismiss')}
          </Menu.Item>
        )}
        {mayEdit && (
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={askToDelete}>
            {t('documents.delete')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
