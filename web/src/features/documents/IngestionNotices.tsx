import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent } from 'react';
import { useLocation, useNavigate } from 'react-router';

import { keys } from '@/lib/api/keys';
import { refreshSoon } from '@/lib/api/refresh';
import type { BrainDocument } from '@/lib/api/types';
import { request } from '@/lib/http';
import { problemOf } from '@/lib/problem';
import { useSocket, watchBrain } from '@/lib/socket-context';

import { isInWork } from './api';
import { hideOutcomes, type Outcome, tellOutcome } from './outcomes';
import { uploadStore } from './uploads';

const LOOK_MS = 15_000;
/** Those that were added first are done first: no need to ask for a hundred at a time. */
const LOOKED_AT = 10;
const GONE = 404;

/** Tells when a document that was uploaded here is ready or has failed, on whatever page one is. */
export function IngestionNotices() {
  const client = useQueryClient();
  const socket = useSocket();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const brainShown = /^\/brains\/([^/]+)/.exec(pathname)?.[1];

  const tell = useEffectEvent((outcome: Outcome) => {
    // On the brain's own page the list shows it.
    if (outcome.brain === brainShown || outcome.state === 'cancelled') return;
    tellOutcome(outcome, () => void navigate(`/brains/${outcome.brain}`));
  });

  useEffect(() => {
    if (brainShown !== undefined) hideOutcomes(brainShown);
  }, [brainShown]);

  useEffect(() => {
    const awaited = new Map<string, BrainDocument>();
    const watches = new Map<string, () => void>();

    const settle = (outcome: Outcome) => {
      if (isInWork(outcome.state) || !awaited.delete(outcome.id)) return;
      refreshSoon(client, keys.brains);
      tell(outcome);
      const isBrainDone = [...awaited.values()].every(({ brain }) => brain !== outcome.brain);
      if (isBrainDone) {
        watches.get(outcome.brain)?.();
        watches.delete(outcome.brain);
      }
    };

    const look = () => {
      for (const { id } of [...awaited.values()].slice(0, LOOKED_AT)) {
        request<BrainDocument>(`documents/${id}`).then(settle, (error: unknown) => {
          if (problemOf(error).status === GONE) awaited.delete(id);
        });
      }
    };

    const removeStored = uploadStore.onStored((_upload, document) => {
      refreshSoon(client, keys.documentsOf(document.brain));
      refreshSoon(client, keys.brains);
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
