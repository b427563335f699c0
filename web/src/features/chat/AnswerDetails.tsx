import { ActionIcon, Popover, Table } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { formatCost, formatDateTime, formatSeconds } from '@/lib/format';

import type { ShownAnswer } from './answer';

interface AnswerDetailsProps {
  answer: ShownAnswer;
  askedAt: string;
}

/** Who answered, how much it cost and how long it took; for those who ask. */
export function AnswerDetails({ answer, askedAt }: AnswerDetailsProps) {
  const { t } = useTranslation();
  const rows = useRows(answer, askedAt);
  return (
    <Popover width={300} position="top-start" withArrow shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t('common.details')}
          title={t('common.details')}
        >
          <IconInfoCircle size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p="xs">
        <Table fz="xs" withRowBorders={false} verticalSpacing={2}>
          <Table.Tbody>
            {rows.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Th fw={500} c="dimmed">
                  {name}
                </Table.Th>
                <Table.Td className="break">{value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Popover.Dropdown>
    </Popover>
  );
}

function useRows(answer: ShownAnswer, askedAt: string): [string, string][] {
  const { t, i18n } = useTranslation();
  const { language } = i18n;
  const { finishReason } = answer;
  const rows: [string, string | null][] = [
    [t('chat.detailModel'), answer.model || null],
    [t('chat.detailAsked'), formatDateTime(askedAt, language)],
    [t('chat.detailPrompt'), tokens(answer.promptTokens)],
    [t('chat.detailAnswer'), tokens(answer.completionTokens)],
    [t('chat.detailCost'), answer.cost === null ? null : formatCost(answer.cost, language)],
    [t('chat.detailTtft'), seconds(answer.ttftMs)],
    [t('chat.detailDuration'), seconds(answer.durationMs)],
    [t('chat.detailFinish'), finish()],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== null);

  function tokens(count: number | null): string | null {
    return count === null ? null : t('chat.tokens', { count });
  }

  function seconds(milliseconds: number | null): string | null {
    return milliseconds === null ? null : formatSeconds(milliseconds, language);
  }

  function finish(): string | null {
    if (isKnown(finishReason)) return t(`chat.finish.${finishReason}`);
    return finishReason || null;
  }
}

const KNOWN = ['stop', 'length', 'nothing-found'] as const;

function isKnown(reason: string): reason is (typeof KNOWN)[number] {
  return (KNOWN as readonly string[]).includes(reason);
}
