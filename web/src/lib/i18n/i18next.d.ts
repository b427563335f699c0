import 'i18next';

import type { Translation } from './translation';

declare module 'i18next' {
  interface CustomTypeOptions {
    nsSeparator: false;
    resources: { translation: Translation };
  }
}
