/** Where a file stands in the folder that was chosen or dropped; its name, where it came alone. */
export function pathOf(file: File): string {
  // The dropzone tells the place of what was dropped in a property of its own.
  const { relativePath } = file as File & { relativePath?: unknown };
  const path = file.webkitRelativePath || (typeof relativePath === 'string' ? relativePath : '');
  return path.replace(/^\.?\//, '') || file.name;
}

const LEFT_BY_PROGRAMS = new Set(['thumbs.db', 'desktop.ini']);

/** Without what programs leave in folders and nobody means: hidden files, locks of open documents. */
export function withoutHidden(files: readonly File[]): File[] {
  return files.filter((file) => {
    const places = pathOf(file).split('/');
    if (places.length === 1) return true;
    return !(
      places.some((place) => place.startsWith('.')) ||
      file.name.startsWith('~$') ||
      LEFT_BY_PROGRAMS.has(file.name.toLowerCase())
    );
  });
}

/** Has somebody choose a folder; its files and those of the folders in it. */
export function chooseFolder(onChosen: (files: File[]) => void): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.webkitdirectory = true;
  input.addEventListener('change', () => onChosen([...(input.files ?? [])]));
  input.click();
}
