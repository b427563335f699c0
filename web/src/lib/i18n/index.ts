import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

import type { Language } from '../api/types';
import { isLanguage } from '../format';
import type { Translation } from './translation';

export const LANGUAGES: { value: Language; label: string }[] = [
  { value: 'en', label: 'English' },
  { value: 'ko', label: '한국어' },
];

const STORED = 'brainstem-language';
const LOADERS: Record<Language, () => Promise<{ default: Translation }>> = {
  en: () => import('./en'),
  ko: () => import('./ko'),
};

/** Starts with the language of the last visit, or the browser's. */
export async function startI18n(): Promise<void> {
  const language = initialLanguage();
  const translation = (await LOADERS[language]()).default;
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    resources: { [language]: { translation } },
    // Scopes of API keys have colons in their names, and stand as keys under those names.
    nsSeparator: false,
    interpolation: { escapeValue: false },
  });
  tellDocument(language);
}

export async function setLanguage(language: Language): Promise<void> {
  if (i18next.language === language) return;
  if (!i18next.hasResourceBundle(language, 'translation')) {
    const translation = (await LOADERS[language]()).default;
    i18next.addResourceBundle(language, 'translation', translation);
  }
  await i18next.changeLanguage(language);
  tellDocument(language);
}

export function currentLanguage(): Language {
  return isLanguage(i18next.language) ? i18next.language : 'en';
}

function initialLanguage(): Language {
  const stored = readStored();
  if (isLanguage(stored)) return stored;
  const wished = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wished.find(isLanguage) ?? 'en';
}

function readStored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function tellDocument(language: Language): void {
  document.documentElement.lang = language;
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Storage is blocked: the user's setting still rules after signing in.
  }
}
