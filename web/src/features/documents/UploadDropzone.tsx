import { Button, Group, Stack, Text } from '@mantine/core';
import { Dropzone } from '@mantine/dropzone';
import { notifications } from '@mantine/notifications';
import { IconCloudUpload, IconFolder } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { siteQuery } from '@/lib/api/queries';
import { formatBytes } from '@/lib/format';

import { chooseFolder, withoutHidden } from './folders';
import classes from './UploadDropzone.module.css';
import { uploadStore } from './uploads';

const LIMIT_UNTIL_KNOWN_BYTES = Number.POSITIVE_INFINITY;

/** Takes any file: what it is, its content decides, at the server. */
export function UploadDropzone({ brain }: { brain: string }) {
  const { t } = useTranslation();
  const site = useQuery(siteQuery).data;
  const limit = site?.upload_limit_bytes ?? LIMIT_UNTIL_KNOWN_BYTES;
  const add = (files: File[]) => {
    const wanted = withoutHidden(files);
    if (wanted.length > 0) uploadStore.add(brain, wanted, limit);
    else notifications.show({ message: t('documents.folderEmpty'), color: 'yellow' });
  };
  return (
    <Stack gap={6}>
      <FileZone onFiles={add} />
      <Group gap="xs">
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconFolder size={16} aria-hidden />}
          onClick={() => chooseFolder(add)}
        >
          {t('documents.chooseFolder')}
        </Button>
        <Text size="xs" c="dimmed">
          {t('documents.folderHint')}
        </Text>
      </Group>
    </Stack>
  );
}

function FileZone({ onFiles }: { onFiles: (files: File[]) => void }) {
  const { t, i18n } = useTranslation();
  const site = useQuery(siteQuery).data;
  return (
    <Dropzone
      className={classes.zone}
      onDrop={onFiles}
      multiple
      aria-label={t('documents.choose')}
      // Files dropped beside the zone must not replace the page.
      enablePointerEvents
    >
      <Group justify="center" gap="lg" wrap="nowrap">
        <IconCloudUpload size={40} stroke={1.4} className={classes.icon} aria-hidden />
        <Stack gap={2} maw={560}>
          <Text fw={600}>
            <span className={classes.idle}>{t('documents.dropTitle')}</span>
            <span className={classes.over}>{t('documents.dropRelease')}</span>
          </Text>
          <Text size="sm" c="dimmed">
            {t('documents.dropText', {
              size: site ? formatBytes(site.upload_limit_bytes, i18n.language) : '…',
            })}
          </Text>
        </Stack>
        <Button component="span" variant="light" className={classes.button} tabIndex={-1}>
          {t('documents.choose')}
        </Button>
      </Group>
    </Dropzone>
  );
}
