import { ThemeIcon } from '@mantine/core';
import {
  IconFile,
  IconFileTypeDoc,
  IconFileTypePdf,
  IconFileTypePpt,
  IconFileTypeXls,
  IconMail,
  IconMarkdown,
  IconPhoto,
  IconWorld,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';

type IconType = ComponentType<{ size?: number }>;

const ICONS: [RegExp, IconType, string][] = [
  [/pdf$/, IconFileTypePdf, 'red'],
  [/^image\//, IconPhoto, 'grape'],
  [/word|hwp|opendocument\.text|rtf/, IconFileTypeDoc, 'blue'],
  [/presentation|powerpoint/, IconFileTypePpt, 'orange'],
  [/sheet|excel|csv/, IconFileTypeXls, 'green'],
  [/rfc822/, IconMail, 'cyan'],
  [/html/, IconWorld, 'indigo'],
  [/markdown/, IconMarkdown, 'gray'],
];

export function DocumentIcon({ mediaType }: { mediaType: string }) {
  const [, Icon, color] = ICONS.find(([pattern]) => pattern.test(mediaType)) ?? [
    /./,
    IconFile,
    'gray',
  ];
  return (
    <ThemeIcon variant="light" color={color} size={38} aria-hidden>
      <Icon size={22} />
    </ThemeIcon>
  );
}
