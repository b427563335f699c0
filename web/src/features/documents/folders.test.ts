import { describe, expect, it } from 'vitest';

import { pathOf, withoutHidden } from './folders';

function fileAt(path: string, kind: 'webkitRelativePath' | 'relativePath' = 'webkitRelativePath') {
  const file = new File(['x'], path.split('/').pop() ?? '');
  return Object.defineProperty(file, kind, { value: path });
}

describe('pathOf', () => {
  it('tells where a file stands in its folder', () => {
    expect(pathOf(fileAt('보고서/2026/a.pdf'))).toBe('보고서/2026/a.pdf');
    expect(pathOf(fileAt('/dropped/a.pdf', 'relativePath'))).toBe('dropped/a.pdf');
  });

  it('is the name of a file that came alone', () => {
    expect(pathOf(fileAt('./a.pdf', 'relativePath'))).toBe('a.pdf');
    expect(pathOf(new File(['x'], 'a.pdf'))).toBe('a.pdf');
  });
});

describe('withoutHidden', () => {
  it('leaves out what programs leave in folders', () => {
    const files = [
      'f/a.pdf',
      'f/.DS_Store',
      'f/.git/config',
      'f/~$a.docx',
      'f/Thumbs.db',
      'f/sub/desktop.ini',
    ].map((path) => fileAt(path));

    expect(withoutHidden(files).map(pathOf)).toEqual(['f/a.pdf']);
  });

  it('keeps what was chosen by itself, whatever its name', () => {
    const file = new File(['x'], '.notes.txt');

    expect(withoutHidden([file])).toEqual([file]);
  });
});
