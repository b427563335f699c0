import type { Conversation } from '@/lib/api/types';

export type Period = 'today' | 'yesterday' | 'week' | 'month' | 'older';

interface PeriodGroup {
  period: Period;
  conversations: Conversation[];
}

const DAY_MS = 86_400_000;

/** Groups conversations, newest first, by the day on which they were last used. */
export function groupByTime(conversations: Conversation[], now = new Date()): PeriodGroup[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const groups: PeriodGroup[] = [];
  for (const conversation of conversations) {
    const period = periodOf(new Date(conversation.updated_at).getTime(), midnight);
    const group = groups.find((each) => each.period === period);
    if (group) group.conversations.push(conversation);
    else groups.push({ period, conversations: [conversation] });
  }
  return groups;
}

function periodOf(time: number, midnight: number): Period {
  if (time >= midnight) return 'today';
  if (time >= midnight - DAY_MS) return 'yesterday';
  if (time >= midnight - 7 * DAY_MS) return 'week';
  if (time >= midnight - 30 * DAY_MS) return 'month';
  return 'older';
}
