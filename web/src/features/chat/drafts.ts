/** Unfinished questions of this tab: a look at another page must not lose them. */
const PREFIX = 'brainstem-draft-';

export function readDraft(key: string): string {
  try {
    return sessionStorage.getItem(`${PREFIX}${key}`) ?? '';
  } catch {
    return '';
  }
}

export function writeDraft(key: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(`${PREFIX}${key}`);
    else sessionStorage.setItem(`${PREFIX}${key}`, text);
  } catch {
    // Storage is blocked or full: the draft lives as long as the page.
  }
}
