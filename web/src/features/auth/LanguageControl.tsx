import { SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { currentLanguage, LANGUAGES } from '@/lib/i18n';

import { useChangeProfile } from './session';

/** Changes the language of the account: it is the same on every device. */
export function LanguageControl({ size }: { size?: string }) {
  const { t } = useTranslation();
  const change = useChangeProfile();
  return (
    <SegmentedControl
      size={size}
      fullWidth
      aria-label={t('nav.language')}
      data={LANGUAGES}
      value={change.isPending ? change.variables.language : currentLanguage()}
      onChange={(language) => change.mutate({ language })}
    />
  );
}
