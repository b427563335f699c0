import { Box, Center, Group, Image, Paper, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { currentLanguage, LANGUAGES, setLanguage } from '@/lib/i18n';

import classes from './AuthFrame.module.css';

interface AuthFrameProps {
  title: string;
  children: ReactNode;
}

/** The page before the house: its name, a form, and the language. */
export function AuthFrame({ title, children }: AuthFrameProps) {
  const { t } = useTranslation();
  useDocumentTitle(`${title} · Brainstem`);
  return (
    <Box component="main" className={classes.scene}>
      <Center mih="100%" p="md">
        <Stack w="100%" maw={400} gap="lg">
          <Stack align="center" gap={6}>
            <Image src="/favicon.svg" w={48} h={48} alt="" />
            <Text fw={700} size="xl">
              {t('app.name')}
            </Text>
            <Text c="dimmed" size="sm" ta="center">
              {t('app.tagline')}
            </Text>
          </Stack>
          <Paper withBorder shadow="sm" p="xl" radius="lg">
            <Title order={1} size="h3" mb="md">
              {title}
            </Title>
            {children}
          </Paper>
          <Group justify="center">
            <SegmentedControl
              size="xs"
              aria-label={t('nav.language')}
              data={LANGUAGES}
              value={currentLanguage()}
              onChange={(language) => void setLanguage(language)}
            />
          </Group>
        </Stack>
      </Center>
    </Box>
  );
}
