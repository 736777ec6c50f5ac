// What is said above every answer: that it is on its way, was given up, failed, or what the
// server remarks on it.
import { Alert, Button, Group } from '@mantine/core';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { Failure } from '../frame/Failure';
import { Loading } from '../frame/Loading';
import { useLocalTime } from '../frame/preferences';
import { load } from '../frame/load';
import { shortDuration } from '../format/duration';
import { formatCount } from '../format/number';
import { formatTime } from '../format/time';
import type { Counted } from './counted';
import type { Run } from './useRun';

const Statistics = lazy(async () => ({ default: (await load(() => import('./Statistics'))).Statistics }));

function Remarks(props: { color: string; title: string; texts: string[] }) {
  if (props.texts.length === 0) return null;
  return (
    <Alert color={props.color} variant="light" title={props.title}>
      {props.texts.map((text) => (
        <div key={text} className="wraps small">
          {text}
        </div>
      ))}
    </Alert>
  );
}

/** What takes no time is not worth a word that comes and goes. */
const SLOW_MS = 2000;

function IfSlow({ children }: { children: ReactNode }) {
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return isSlow && children;
}

export function Outcome<T>(props: {
  run: Run<T>;
  /** How many series an answer has. */
  count: (data: T) => number;
  /** How to ask what it took on the server. */
  counted: Counted;
  actions?: (data: T) => ReactNode;
  children: (data: T, atMs: number) => ReactNode;
}) {
  const { run } = props;
  const [hasStats, setHasStats] = useState(false);
  const [isLocal] = useLocalTime();
  if (run.isRunning && run.answer === undefined) {
    return (
      <Group>
        <Loading text="The query runs" />
        <Button variant="default" size="xs" onClick={run.cancel}>
          Cancel
        </Button>
      </Group>
    );
  }
  if (run.wasCancelled) return <p className="quiet">The query was cancelled.</p>;
  if (run.answer === undefined && run.error !== null) return <Failure error={run.error} />;
  if (run.answer === undefined) return <p className="quiet">Nothing was asked yet.</p>;
  const { data, warnings, infos, tookMs, atMs } = run.answer;
  const count = props.count(data);
  return (
    <>
      {run.error !== null && <Failure error={run.error} />}
      <Group justify="space-between">
        <span className="quiet small" role="status">
          {formatCount(count)} series in {shortDuration(tookMs / 1000)}
          {run.error !== null && `, as of ${formatTime(atMs, isLocal)}`}
        </span>
        <Group gap="xs">
          {run.isRunning && (
            <IfSlow>
              <Button variant="default" size="compact-sm" onClick={run.cancel}>
                Cancel the refresh
              </Button>
            </IfSlow>
          )}
          <Button
            variant="default"
            size="compact-sm"
            aria-expanded={hasStats}
            onClick={() => setHasStats(!hasStats)}
          >
            Statistics
          </Button>
          {props.actions?.(data)}
        </Group>
      </Group>
      {hasStats && (
        <Suspense fallback={<Loading />}>
          <Statistics of={props.counted} atMs={atMs} />
        </Suspense>
      )}
      <Remarks color="orange" title="Warnings" texts={warnings} />
      <Remarks color="blue" title="Remarks" texts={infos} />
      {count === 0 ? <p className="quiet">The answer has no series.</p> : props.children(data, atMs)}
    </>
  );
}
