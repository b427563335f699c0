import { Box, Container, Group, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface PageFrameProps {
  title: string;
  text?: string;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page with a heading; everything but the conversation stands in one. */
export function PageFrame({ title, text, actions, children }: PageFrameProps) {
  useDocumentTitle(`${title} · Brainstem`);
  return (
    <Container size="lg" py={{ base: 'md', sm: 'xl' }} px={{ base: 'md', sm: 'xl' }}>
      <Group justify="space-between" align="flex-start" mb="lg" gap="md">
        <Box miw={0} flex="1 1 260px">
          <Title order={1} size="h2" className="break">
            {title}
          </Title>
          {text && (
            <Text c="dimmed" mt={4} className="break">
              {text}
            </Text>
          )}
        </Box>
        {actions}
      </Group>
      {children}
    </Container>
  );
}
