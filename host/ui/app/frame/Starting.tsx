// The server has not opened its store yet: how far it is, and the page anew when it has.
import { Alert } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { get, isReady } from '../api/client';

/** How often the server is asked, in milliseconds. */
const POLL_MS = 1000;

interface WalReplay {
  min: number;
  max: number;
  current: number;
}

export function Starting() {
  const query = useQuery({
    queryKey: ['starting'],
    refetchInterval: POLL_MS,
    staleTime: 0,
    queryFn: async ({ signal }) => {
      const replay = await get<WalReplay>('status/walreplay', {}, signal);
      return { replay: replay.data, isReady: await isReady(signal) };
    },
  });
  const ready = query.data?.isReady === true;
  useEffect(() => {
    // What the server has written into the page is of the time before, too.
    if (ready) window.location.reload();
  }, [ready]);
  const replay = query.data?.replay;
  const parts = replay === undefined ? 0 : replay.max - replay.min + 1;
  return (
    <Alert color="blue" variant="light" title="The server is starting" role="status">
      {replay !== undefined && replay.max > 0
        ? `It reads its log: ${Math.max(0, replay.current - replay.min + 1)} of ${parts} segments.`
        : 'It will answer when its store is open.'}
    </Alert>
  );
}
