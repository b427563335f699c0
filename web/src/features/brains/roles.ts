import { useTranslation } from 'react-i18next';

import type { BrainRole } from '@/lib/api/types';

const ROLES: BrainRole[] = ['viewer', 'editor', 'owner'];

export function isRole(value: unknown): value is BrainRole {
  return ROLES.some((role) => role === value);
}

export function useRoleOptions() {
  const { t } = useTranslation();
  return ROLES.map((role) => ({ value: role, label: t(`roles.${role}`) }));
}
