import { Badge, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { ChatModel } from '@/lib/api/types';
import { formatNumber } from '@/lib/format';

/** What a model can take and what its keeper says about it. */
export function ModelDetails({ model }: { model: ChatModel }) {
  const { t, i18n } = useTranslation();
  const count = (tokens: number) => formatNumber(tokens, i18n.language);
  const hasPrice = Number(model.price_prompt) > 0 || Number(model.price_completion) > 0;
  return (
    <Stack gap={4}>
      {model.notes !== '' && (
        <Text size="xs" className="break">
          {model.notes}
        </Text>
      )}
      <Text size="xs" c="dimmed">
        {t('models.limits', {
          prompt: count(model.prompt_tokens),
          output: count(model.output_tokens),
        })}
      </Text>
      {hasPrice && (
        <Text size="xs" c="dimmed">
          {t('models.price', {
            prompt: count(Number(model.price_prompt)),
            completion: count(Number(model.price_completion)),
          })}
        </Text>
      )}
      {!model.is_available && (
        <Group gap="xs">
          <Badge color="orange" variant="light">
            {t('models.unavailable')}
          </Badge>
          <Text size="xs" c="dimmed">
            {t('models.unavailableText')}
          </Text>
        </Group>
      )}
    </Stack>
  );
}
