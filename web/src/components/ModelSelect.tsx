import { Select, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { modelsQuery } from '@/lib/api/queries';

import { ModelDetails } from './ModelDetails';

interface ModelSelectProps {
  /** `null`: the default, whatever it is at the time of a question. */
  value: string | null;
  onChange: (model: string | null) => void;
  /** What `null` means here, if not the default model. */
  defaultLabel?: string;
  disabled?: boolean;
  size?: string;
}

const DEFAULT = '';

export function ModelSelect({ value, onChange, defaultLabel, disabled, size }: ModelSelectProps) {
  const { t } = useTranslation();
  const { data: models = [], isSuccess } = useQuery(modelsQuery);
  const standard = models.find((model) => model.is_default);
  const chosen = models.find((model) => model.id === value) ?? (defaultLabel ? undefined : standard);
  const nameOfDefault =
    defaultLabel ??
    (standard ? t('brains.modelDefault', { name: standard.name }) : t('brains.modelDefaultPlain'));
  const options = models.map((model) => ({
    value: model.id,
    label: model.is_available ? model.name : `${model.name} (${t('models.unavailable')})`,
  }));
  return (
    <Stack gap="xs">
      <Select
        label={t('brains.model')}
        data={[{ value: DEFAULT, label: nameOfDefault }, ...options]}
        value={value ?? DEFAULT}
        onChange={(model) => onChange(model === DEFAULT ? null : model)}
        allowDeselect={false}
        searchable={models.length > 8}
        disabled={disabled}
        size={size}
      />
      {chosen && <ModelDetails model={chosen} />}
      {isSuccess && models.length === 0 && (
        <Text size="xs" c="dimmed">
          {t('models.none')}
        </Text>
      )}
    </Stack>
  );
}
