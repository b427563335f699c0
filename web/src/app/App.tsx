import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { ModalsProvider } from '@mantine/modals';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { RouterProvider } from 'react-router/dom';

import { createQueryClient } from './query-client';
import { createRouter } from './router';
import { createAppTheme, readableColors } from './theme';

/** The same name stands in `public/color-scheme.js`. */
const colorSchemeManager = localStorageColorSchemeManager({ key: 'brainstem-color-scheme' });

export function App() {
  const [queryClient] = useState(createQueryClient);
  const [router] = useState(createRouter);
  const { t } = useTranslation();
  const theme = useMemo(() => createAppTheme({ close: t('common.close') }), [t]);
  return (
    <QueryClientProvider client={queryClient}>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={readableColors}
        defaultColorScheme="auto"
        colorSchemeManager={colorSchemeManager}
      >
        <ModalsProvider>
          <Notifications position="top-right" />
          <RouterProvider router={router} />
        </ModalsProvider>
      </MantineProvider>
    </QueryClientProvider>
  );
}
