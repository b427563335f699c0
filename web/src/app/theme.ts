import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const stem: MantineColorsTuple = [
  '#eeeffc',
  '#dadcf6',
  '#b3b6ee',
  '#8a8fe6',
  '#686ddf',
  '#5358d9',
  '#474cd0',
  '#393db8',
  '#3236a5',
  '#282d92',
];

/** System fonts only: nothing is fetched from elsewhere, and Korean looks as the reader is used to. */
const FONTS =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif";

interface ThemeLabels {
  close: string;
}

/** The look of the UI; `labels` are the names of buttons that show only an icon. */
export function createAppTheme(labels: ThemeLabels) {
  const closeButtonProps = { 'aria-label': labels.close };
  return createTheme({
    primaryColor: 'stem',
    primaryShade: { light: 6, dark: 5 },
    colors: { stem },
    fontFamily: FONTS,
    fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Noto Sans Mono CJK KR', monospace",
    headings: { fontFamily: FONTS, fontWeight: '650' },
    defaultRadius: 'md',
    respectReducedMotion: true,
    cursorType: 'pointer',
    components: {
      Tooltip: { defaultProps: { openDelay: 400, withArrow: true } },
      Modal: { defaultProps: { centered: true, closeButtonProps } },
      Notification: { defaultProps: { closeButtonProps } },
      Menu: { defaultProps: { shadow: 'md' } },
    },
  });
}

/**
 * Quiet text, links and errors stay readable, at least 4.5:1 against the page; coloured areas of the
 * dark page are tinted, not saturated.
 */
export const readableColors: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#626a73',
    '--mantine-color-error': '#d02c2c',
    ...Object.fromEntries(
      Object.entries(colors).flatMap(([name, [palest, pale]]) => [
        [`--mantine-color-${name}-light`, palest],
        [`--mantine-color-${name}-light-hover`, pale],
      ]),
    ),
    // On white the palest grey is no area at all.
    '--mantine-color-gray-light': colors.gray[1],
  },
  dark: {
    '--mantine-color-dimmed': '#a3a8ae',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-anchor': '#9ba0ef',
    ...Object.fromEntries(Object.entries(colors).flatMap(([name, shades]) => tints(name, shades))),
  },
});

function tints(name: string, shades: readonly string[]): [string, string][] {
  const variable = `--mantine-color-${name}-light`;
  const share = (percent: number) =>
    `color-mix(in srgb, ${shades[4] ?? ''} ${percent}%, transparent)`;
  return [
    [variable, share(18)],
    [`${variable}-hover`, share(26)],
    [`${variable}-color`, shades[2] ?? ''],
  ];
}
