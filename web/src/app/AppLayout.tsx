import { ActionIcon, Drawer, Group, Text } from '@mantine/core';
import { useDisclosure, useHotkeys, useMediaQuery } from '@mantine/hooks';
import { IconMenu2 } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';

import { ChatProvider } from '@/features/chat/ChatProvider';
import { IngestionNotices } from '@/features/documents/IngestionNotices';
import { meQuery } from '@/lib/api/queries';
import { useOpenDocument } from '@/lib/open-document';
import { createSocket, SocketContext } from '@/lib/socket-context';

import classes from './AppLayout.module.css';
import { ShellNavbar } from './ShellNavbar';

const DocumentViewer = lazy(async () => ({
  default: (await import('@/features/documents/viewer/DocumentViewer')).DocumentViewer,
}));

/** The frame of every page behind the sign-in: navigation, page, and the document beside it. */
export function AppLayout() {
  const [socket] = useState(createSocket);
  const client = useQueryClient();

  useEffect(() => {
    // The socket is refused when the session has ended: asking who we are leads to the sign-in.
    const forget = socket.onRefused(() => void client.invalidateQueries(meQuery));
    socket.start();
    return () => {
      forget();
      socket.stop();
    };
  }, [socket, client]);

  return (
    <SocketContext value={socket}>
      <ChatProvider>
        <LayoutFrame />
        <IngestionNotices />
      </ChatProvider>
    </SocketContext>
  );
}

function LayoutFrame() {
  const { t } = useTranslation();
  const [isMenuOpen, menu] = useDisclosure();
  const isNarrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false });
  const { pathname } = useLocation();
  const { opened } = useOpenDocument();
  const navigate = useNavigate();
  const main = useRef<HTMLElement>(null);

  useHotkeys([['mod+shift+O', () => void navigate('/chat')]]);
  useEffect(() => {
    // The link that was followed is gone with its page: the new page goes on where reading begins.
    if (document.activeElement === document.body) main.current?.focus();
  }, [pathname]);

  return (
    <div className={classes.layout}>
      <a className={classes.skip} href="#content">
        {t('app.skipToContent')}
      </a>
      {isNarrow ? (
        <>
          <header className={classes.bar}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t('app.openMenu')}
              onClick={menu.open}
            >
              <IconMenu2 size={20} />
            </ActionIcon>
            <Text fw={700} component={Link} to="/" c="inherit" td="none">
              {t('app.name')}
            </Text>
          </header>
          <Drawer
            opened={isMenuOpen}
            onClose={menu.close}
            size={300}
            padding={0}
            withCloseButton={false}
            aria-label={t('app.sections')}
          >
            <Group h="100dvh">
              <ShellNavbar onNavigate={menu.close} />
            </Group>
          </Drawer>
        </>
      ) : (
        <div className={classes.navbar}>
          <ShellNavbar />
        </div>
      )}
      <main
        id="content"
        ref={main}
        className={classes.main}
        tabIndex={-1}
        key={pathname.split('/')[1]}
      >
        <Outlet />
      </main>
      {opened && (
        <Suspense fallback={null}>
          <DocumentViewer opened={opened} isOverlay={isNarrow} />
        </Suspense>
      )}
    </div>
  );
}
