// The page of one silence that is written: new, of an alert, or of an older silence.
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { alertmanager } from '../api/client';
import type { Silence } from '../api/silences';
import { HOUR_MS } from '../query/panel';
import { Loaded } from '../frame/Loaded';
import { Page } from '../frame/Page';
import type { Search } from '../search';
import { readMatchers } from './matchers';
import { type Draft, SilenceForm } from './SilenceForm';

const DURATION_MS = 2 * HOUR_MS;

const EMPTY = [{ name: '', value: '', isRegex: false, isEqual: true }];

/** What is over begins anew, now, and is as long as it was; what is not keeps its end. */
function draftOf(silence: Silence): Draft {
  const [startMs, endMs] = [Date.parse(silence.startsAt), Date.parse(silence.endsAt)];
  const isOver = silence.status.state === 'expired';
  return {
    id: isOver ? undefined : silence.id,
    matchers: silence.matchers,
    startMs: isOver ? undefined : startMs,
    durationMs: Math.max(1000, endMs - startMs),
    createdBy: silence.createdBy,
    comment: silence.comment,
  };
}

function Older({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ['silence', id],
    staleTime: 0,
    queryFn: ({ signal }) =>
      alertmanager<Silence>('GET', `silence/${encodeURIComponent(id)}`, {}, undefined, signal),
  });
  return (
    <Loaded query={query}>
      {(silence) => <SilenceForm key={id} draft={draftOf(silence)} />}
    </Loaded>
  );
}

export function SilencePage() {
  const search = useSearch({ strict: false }) as Search;
  const matchers = readMatchers(search);
  const id = search.id;
  return (
    <Page title={id === undefined ? 'New silence' : 'Edit silence'}>
      {id === undefined ? (
        <SilenceForm
          draft={{
            matchers: matchers.length === 0 ? EMPTY : matchers,
            startMs: undefined,
            durationMs: DURATION_MS,
            comment: search.comment ?? '',
          }}
        />
      ) : (
        <Older id={id} />
      )}
    </Page>
  );
}
