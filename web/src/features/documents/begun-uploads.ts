/** Uploads that this browser has begun and not ended: the same file, chosen again, goes on. */

const PREFIX = 'upload:';

function keyOf(brain: string, file: File): string {
  return `${PREFIX}${brain}:${file.name}:${file.size}:${file.lastModified}`;
}

export function begunUpload(brain: string, file: File): string | null {
  try {
    return localStorage.getItem(keyOf(brain, file));
  } catch {
    return null;
  }
}

export function rememberUpload(brain: string, file: File, address: string): void {
  try {
    localStorage.setItem(keyOf(brain, file), address);
  } catch {
    // Without it a file that is chosen again begins anew.
  }
}

export function forgetBegunUpload(brain: string, file: File): void {
  try {
    localStorage.removeItem(keyOf(brain, file));
  } catch {
    // As above.
  }
}
