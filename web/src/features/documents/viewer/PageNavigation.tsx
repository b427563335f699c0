import { ActionIcon, Group, NumberInput, Text, Tooltip } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

interface PageNavigationProps {
  page: number;
  total: number;
  /** What the document itself calls the page, where that is something else. */
  label: string;
  onTurn: (page: number) => void;
}

export function PageNavigation({ page, total, label, onTurn }: PageNavigationProps) {
  const { t } = useTranslation();
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={t('viewer.previous')}>
        <ActionIcon
          variant="subtle"
          color="gray"
          disabled={page <= 1}
          aria-label={t('viewer.previous')}
          onClick={() => onTurn(page - 1)}
        >
          <IconChevronLeft size={18} />
        </ActionIcon>
      </Tooltip>
      <PageInput key={page} page={page} total={total} onTurn={onTurn} />
      <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        / {total}
      </Text>
      <Tooltip label={t('viewer.next')}>
        <ActionIcon
          variant="subtle"
          color="gray"
          disabled={page >= total}
          aria-label={t('viewer.next')}
          onClick={() => onTurn(page + 1)}
        >
          <IconChevronRight size={18} />
        </ActionIcon>
      </Tooltip>
      {label !== '' && label !== String(page) && (
        <Text size="xs" c="dimmed" lineClamp={1} maw={140}>
          {label}
        </Text>
      )}
    </Group>
  );
}

function PageInput({ page, total, onTurn }: Omit<PageNavigationProps, 'label'>) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState<number | string>(page);
  const go = () => {
    const wanted = Math.min(total, Math.max(1, Math.round(Number(typed)) || page));
    if (wanted === page) setTyped(page);
    else onTurn(wanted);
  };
  return (
    <NumberInput
      size="xs"
      w={56}
      hideControls
      min={1}
      max={total}
      clampBehavior="none"
      aria-label={t('viewer.page')}
      value={typed}
      onChange={setTyped}
      onBlur={go}
      onKeyDown={(event) => {
        if (event.key === 'Enter') go();
      }}
    />
  );
}
