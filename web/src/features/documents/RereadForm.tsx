import { Button, Group, Radio, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

interface RereadFormProps {
  /** The first one is the usual. */
  engines: string[];
  onChoose: (engine: string) => void;
}

export function RereadForm({ engines, onChoose }: RereadFormProps) {
  const { t } = useTranslation();
  const [engine, setEngine] = useState(engines[0] ?? '');
  return (
    <Stack gap="md">
      <Text size="sm">{t('documents.rereadText')}</Text>
      <Radio.Group label={t('documents.rereadEngine')} value={engine} onChange={setEngine}>
        <Stack gap="xs" mt="xs">
          {engines.map((name) => (
            <Radio key={name} value={name} label={nameOf(name)} />
          ))}
        </Stack>
      </Radio.Group>
      <Group justify="flex-end">
        <Button onClick={() => onChoose(engine)}>{t('documents.rereadAction')}</Button>
      </Group>
    </Stack>
  );

  function nameOf(name: string): string {
    if (name === 'tesseract') return 'Tesseract';
    if (name === 'rapidocr') return 'RapidOCR';
    return name === 'vision' ? t('documents.rereadVision') : name;
  }
}
