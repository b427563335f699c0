import type { KeyboardEvent } from 'react';

/** While Korean is being composed, Enter ends the syllable and must not send. */
export function isComposing(event: KeyboardEvent): boolean {
  // Safari ends the composition before it tells of the key, which then has the code 229.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return event.nativeEvent.isComposing || event.keyCode === 229;
}
