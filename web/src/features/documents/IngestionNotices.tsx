import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import i18next from 'i18next';
import { useEffect } from 'react';

import { keys } from '@/lib/api/keys';
import type { BrainDocument } from '@/lib/api/types';
import { request } from '@/lib/http';
import { describeProblem } from '@/lib/problem-text';
import { useSocket, watchBrain } from '@/lib/socket-context';

import { invalidateDocuments, isInWork } from './api';
import { uploadStore } from './uploads';

const LOOK_MS = 15_000;

type Outcome = Pick<BrainDocument, 'id' | 'brain' | 'title' | 'state' | 'error'>;

/** Tells when a document that was uploaded here is ready or has failed, on whatever page one is. */
export function IngestionNotices() {
  const client = useQueryClient();
  const socket = useSocket();

  useEffect(() => {
    const awaited = new Map<string, BrainDocument>();
    const watches = new Map<string, () => void>();

    const settle = (outcome: Outcome) => {
      if (isInWork(outcome.state) || !awaited.delete(outcome.id)) return;
      void client.invalidateQueries({ queryKey: keys.brains });
      tell(outcome);
      const isBrainDone = [...awaited.values()].every(({ brain }) => brain !== outcome.brain);
      if (isBrainDone) {
        watches.get(outcome.brain)?.();
        watches.delete(outcome.brain);
      }
    };

    const tell = ({ title, state, error, brain }: Outcome) => {
      // On the brain's own page the list shows it.
      if (window.location.pathname.startsWith(`/brains/${brain}`) || state === 'cancelled') return;
      if (state === 'ready') {
        notifications.show({
          color: 'teal',
          title: i18next.t('documents.ready', { title }),
          message: i18next.t('documents.readyText'),
        });
        return;
      }
      const { sentence, wayOut } = describeProblem({
        code: error?.code ?? '',
        detail: error?.sentence ?? '',
        wayOut: '',
      });
      notifications.show({
        color: 'red',
        title: i18next.t('documents.failed', { title }),
        message: `${sentence} ${wayOut}`,
        autoClose: false,
      });
    };

    const look = () => {
      for (const { id } of awaited.values()) {
        request<BrainDocument>(`documents/${id}`).then(settle, () => awaited.delete(id));
      }
    };

    const removeStored = uploadStore.onStored((_upload, document) => {
      void invalidateDocuments(client, document.brain);
      void client.invalidateQueries({ queryKey: keys.brains });
      if (!isInWork(document.state)) return;
      awaited.set(document.id, document);
      if (watches.has(document.brain)) return;
      const stop = watchBrain(
        socket,
        document.brain,
        (event) => {
          if (event.deleted) awaited.delete(event.document);
          else settle({ ...event, id: event.document });
        },
        look,
      );
      watches.set(document.brain, stop);
    });
    const timer = window.setInterval(look, LOOK_MS);
    return () => {
      removeStored();
      window.clearInterval(timer);
      for (const stop of watches.values()) stop();
    };
  }, [client, socket]);

  return null;
}
