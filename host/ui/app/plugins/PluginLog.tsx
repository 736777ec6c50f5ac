// What a plugin says, as it says it; it can be stopped, to read.
import { Button } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { follow } from '../api/follow';
import { formatTime } from '../format/time';
import { Failure } from '../frame/Failure';
import { useLocalTime } from '../frame/preferences';
import { type LogEntry, readEntries, withEntries } from './log';

function text(entry: LogEntry, isLocal: boolean): string {
  if ('dropped' in entry) return `… ${entry.dropped} lines came faster than they were read`;
  return [formatTime(entry.timeMs, isLocal), entry.level, entry.job, entry.message]
    .filter((part) => part !== '')
    .join(' ');
}

export function PluginLog({ name }: { name: string }) {
  const [isLocal] = useLocalTime();
  const [isLive, setIsLive] = useState(true);
  const [entries, setEntries] = useState<LogEntry[]>([]);
  const [error, setError] = useState<unknown>(null);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (!isLive) return;
    const stop = new AbortController();
    // Each time it begins with the last lines.
    setEntries([]);
    setError(null);
    const take = (lines: string[]) => setEntries((before) => withEntries(before, readEntries(lines)));
    follow(`plugins/${encodeURIComponent(name)}/logs?follow=1`, stop.signal, take)
      .catch((fault: unknown) => {
        if (!stop.signal.aborted) setError(fault);
      })
      .finally(() => {
        if (!stop.signal.aborted) setIsLive(false);
      });
    return () => stop.abort();
  }, [name, isLive]);
  useEffect(() => {
    const element = box.current;
    if (element !== null && isLive) element.scrollTop = element.scrollHeight;
  }, [entries, isLive]);
  return (
    <section>
      <h3 className="small">
        Log{' '}
        <Button variant="default" size="compact-xs" onClick={() => setIsLive(!isLive)}>
          {isLive ? 'Stop' : 'Follow'}
        </Button>{' '}
        <span className="quiet small" role="status">
          {isLive ? 'live' : 'stopped'}
        </span>
      </h3>
      {error !== null && <Failure error={error} />}
      <pre ref={box} className="code log" tabIndex={0} aria-label={`Log of ${name}`}>
        {entries.length === 0
          ? 'It has said nothing.'
          : entries.map((entry) => text(entry, isLocal)).join('\n')}
      </pre>
    </section>
  );
}
