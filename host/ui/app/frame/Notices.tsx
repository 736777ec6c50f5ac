// What the server has to tell, above every page: that a config was not taken, that it stops.
import { Alert } from '@mantine/core';
import { useEffect, useState } from 'react';
import { get } from '../api/client';
import { follow } from '../api/follow';
import { afterEvents, type Notice } from './notices';

/** When it is asked again after an answer has ended, or where others follow already. */
const AGAIN_MS = 30_000;

/** Follows the notices while somebody looks: a hidden page needs none of the browser's connections. */
function useNotices(): Notice[] {
  const [notices, setNotices] = useState<Notice[]>([]);
  const [isHidden, setIsHidden] = useState(document.hidden);
  useEffect(() => {
    const look = () => setIsHidden(document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  useEffect(() => {
    if (isHidden) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = async () => {
      try {
        // What holds is told first; it is asked for as well, as others may follow already.
        const held = await get<Notice[]>('notifications', {}, stop.signal);
        setNotices(held.data);
        await follow('notifications/live', stop.signal, (lines) =>
          setNotices((before) => afterEvents(before, lines)),
        );
      } catch {
        // A page that asks the server something says itself that it is not there.
      }
      if (!stop.signal.aborted) timer = setTimeout(() => void begin(), AGAIN_MS);
    };
    void begin();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [isHidden]);
  return notices;
}

export function Notices() {
  const notices = useNotices();
  return notices.map((notice) => (
    <Alert key={notice.text} color="orange" variant="light" mb="sm" role="status">
      <span className="wraps">{notice.text}</span>
    </Alert>
  ));
}
