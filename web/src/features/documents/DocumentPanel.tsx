import { Alert, Box, Card, Group, Select, Skeleton, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconFileText } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { EmptyState } from '@/components/EmptyState';
import { ErrorNotice } from '@/components/ErrorNotice';
import { LoadMore } from '@/components/LoadMore';
import { SearchInput } from '@/components/SearchInput';
import { flattenPages } from '@/lib/api/paging';
import type { Brain, DocumentState } from '@/lib/api/types';

import { useAddressBatches } from './address-batches';
import { AddressForm } from './AddressForm';
import { AddressList } from './AddressList';
import { isInWork, useDocuments } from './api';
import { DocumentRow } from './DocumentRow';
import { RetryAllButton } from './RetryAllButton';
import { UploadDropzone } from './UploadDropzone';
import { UploadList } from './UploadList';
import { useUploads } from './uploads';

const STATES: DocumentState[] = [
  'received',
  'reading',
  'indexing',
  'ready',
  'failed',
  'cancelled',
];
const TYPING_PAUSE_MS = 250;

/** A brain's documents: adding them, watching them being read, finding them again. */
export function DocumentPanel({ brain }: { brain: Brain }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const [state, setState] = useState('');
  const [wanted] = useDebouncedValue(search.trim(), TYPING_PAUSE_MS);
  const documents = useDocuments(brain.id, state, wanted);
  const rows = flattenPages(documents.data);
  const uploads = useUploads(brain.id);
  const addresses = useAddressBatches(brain.id);
  const isFiltered = state !== '' || wanted !== '';
  const mayEdit = brain.role !== 'viewer';
  const mayRetryAll = mayEdit && rows.some((document) => document.state === 'failed');
  const isEmpty = documents.isSuccess && rows.length === 0;

  return (
    <Stack gap="md">
      {mayEdit && <UploadDropzone brain={brain.id} />}
      {mayEdit && <AddressForm brain={brain.id} />}
      {mayEdit && <AddressList brain={brain.id} />}
      {mayEdit && <UploadList brain={brain.id} />}
      {(!isEmpty || isFiltered) && (
        <Group gap="sm">
          <SearchInput
            flex="1 1 200px"
            maw={360}
            value={search}
            onChange={setSearch}
            placeholder={t('documents.searchPlaceholder')}
          />
          <Select
            w={150}
            aria-label={t('documents.filter')}
            allowDeselect={false}
            value={state}
            onChange={(next) => setState(next ?? '')}
            data={[
              { value: '', label: t('documents.all') },
              ...STATES.map((each) => ({ value: each, label: t(`documents.state.${each}`) })),
            ]}
          />
          {mayRetryAll && <RetryAllButton brain={brain.id} />}
        </Group>
      )}
      {documents.isPending && <Skeleton h={220} />}
      {documents.isError && (
        <ErrorNotice error={documents.error} onRetry={() => void documents.refetch()} />
      )}
      {isEmpty && isFiltered && <Text c="dimmed">{t('documents.emptyFilter')}</Text>}
      {isEmpty && !isFiltered && uploads.length === 0 && addresses.length === 0 && (
        <EmptyState
          icon={<IconFileText size={28} />}
          title={t('documents.emptyTitle')}
          text={mayEdit ? t('documents.emptyText') : t('documents.emptyReader')}
        />
      )}
      {rows.some((document) => isInWork(document.state) && document.pages_done > 0) && (
        <Alert p="xs" color="gray" variant="light">
          {t('documents.searchable')}
        </Alert>
      )}
      {rows.length > 0 && (
        <Card withBorder padding={0} style={{ overflow: 'visible' }}>
          <Box component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
            {rows.map((document) => (
              <DocumentRow key={document.id} document={document} mayEdit={mayEdit} />
            ))}
          </Box>
        </Card>
      )}
      <LoadMore
        hasMore={documents.hasNextPage}
        isLoading={documents.isFetchingNextPage}
        onMore={() => void documents.fetchNextPage()}
      />
    </Stack>
  );
}
