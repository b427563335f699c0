import { createContext, use, useEffect, useSyncExternalStore } from 'react';

import type { DocumentChanged } from './protocol';
import { ChatSocket, type SocketState } from './socket';

export const SocketContext = createContext<ChatSocket | null>(null);

export function createSocket(): ChatSocket {
  const url = new URL('/ws/chat', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new ChatSocket(url.href);
}

export function useSocket(): ChatSocket {
  const socket = use(SocketContext);
  if (socket === null) throw new Error('There is no SocketContext above this component.');
  return socket;
}

export function useSocketState(): SocketState {
  const socket = useSocket();
  return useSyncExternalStore(socket.onState, socket.getState);
}

/** How many parts of the UI watch each brain, per socket: the last to go says `unwatch`. */
const watchers = new WeakMap<ChatSocket, Map<string, number>>();

/** Calls `onChange` for every change of a document in the brain, and `onReconnect` after a gap. */
export function useBrainWatch(
  brain: string,
  onChange: (event: DocumentChanged) => void,
  onReconnect: () => void,
): void {
  const socket = useSocket();
  useEffect(
    () => watchBrain(socket, brain, onChange, onReconnect),
    [socket, brain, onChange, onReconnect],
  );
}

export function watchBrain(
  socket: ChatSocket,
  brain: string,
  onChange: (event: DocumentChanged) => void,
  onReconnect: () => void,
): () => void {
  const counts = watchers.get(socket) ?? new Map<string, number>();
  watchers.set(socket, counts);
  counts.set(brain, (counts.get(brain) ?? 0) + 1);
  if (counts.get(brain) === 1) socket.send({ type: 'watch', brain });
  const removeReady = socket.onReady(() => {
    socket.send({ type: 'watch', brain });
    onReconnect();
  });
  const removeFrame = socket.onFrame((frame) => {
    if (frame.type === 'document.changed' && frame.brain === brain) onChange(frame);
  });
  return () => {
    removeReady();
    removeFrame();
    const left = (counts.get(brain) ?? 1) - 1;
    counts.set(brain, left);
    if (left === 0) socket.send({ type: 'unwatch', brain });
  };
}
