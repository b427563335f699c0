import { createTheme, type MantineColorsTuple } from '@mantine/core';

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

export const theme = createTheme({
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
    Modal: { defaultProps: { centered: true } },
    Menu: { defaultProps: { shadow: 'md' } },
  },
});
