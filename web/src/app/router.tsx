import { createBrowserRouter, Navigate } from 'react-router';

import { SessionGate } from '@/features/auth/SessionGate';

import { AppLayout } from './AppLayout';
import { NotFoundPage } from './NotFoundPage';
import { RouteError } from './RouteError';

export function createRouter() {
  return createBrowserRouter([
    {
      ErrorBoundary: RouteError,
      HydrateFallback: () => null,
      children: [
        {
          lazy: async () => ({ Component: (await import('@/features/auth/SignInPage')).SignInPage }),
          path: '/sign-in',
        },
        {
          lazy: async () => ({ Component: (await import('@/features/auth/SignUpPage')).SignUpPage }),
          path: '/sign-up',
        },
        {
          element: (
            <SessionGate>
              <AppLayout />
            </SessionGate>
          ),
          children: [
            {
              // Errors stay inside the frame, so that the navigation still works.
              ErrorBoundary: RouteError,
              children: [
                { index: true, element: <Navigate to="/chat" replace /> },
                {
                  path: '/chat/:conversationId?',
                  lazy: async () => ({ Component: (await import('./pages/ChatPage')).ChatPage }),
                },
                {
                  path: '/brains',
                  lazy: async () => ({
                    Component: (await import('@/features/brains/BrainListPage')).BrainListPage,
                  }),
                },
                {
                  path: '/brains/:brainId/:tab?',
                  lazy: async () => ({ Component: (await import('./pages/BrainPage')).BrainPage }),
                },
                {
                  path: '/settings/:tab?',
                  lazy: async () => ({
                    Component: (await import('@/features/auth/SettingsPage')).SettingsPage,
                  }),
                },
                { path: '*', Component: NotFoundPage },
              ],
            },
          ],
        },
      ],
    },
  ]);
}
