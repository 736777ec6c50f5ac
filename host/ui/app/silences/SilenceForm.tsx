// The form of a silence: a new one, or one that takes the place of an older one.
import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { alertmanager } from '../api/client';
import type { PostedSilence, SilenceMatcher } from '../api/silences';
import { formatDuration, parseDuration } from '../format/duration';
import { formatTime, textIn, timeOf, type WrittenTime, writtenTime } from '../format/time';
import { Failure } from '../frame/Failure';
import { useLocalTime } from '../frame/preferences';
import { fault } from './matchers';
import { MatcherFields } from './MatcherFields';
import { Preview } from './Preview';

export interface Draft {
  /** The silence whose place it takes. */
  id?: string;
  matchers: SilenceMatcher[];
  /** `undefined` is when it is sent. */
  startMs: number | undefined;
  durationMs: number;
  createdBy?: string;
  comment: string;
}

/** How long it is between two times; `undefined` where the second is not after the first. */
function lengthMs(startMs: number | undefined, endMs: number | undefined): number | undefined {
  if (startMs === undefined || endMs === undefined || endMs <= startMs) return undefined;
  return endMs - startMs;
}

function endFault(endMs: number | undefined): string {
  return endMs === undefined ? 'YYYY-MM-DD hh:mm:ss' : 'It ends before it begins.';
}

export function SilenceForm({ draft }: { draft: Draft }) {
  const [isLocal] = useLocalTime();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [author, setAuthor] = useLocalStorage({ key: 'narthex.author', defaultValue: '' });
  const [matchers, setMatchers] = useState(draft.matchers);
  const [start, setStart] = useState<WrittenTime>(
    draft.startMs === undefined ? { text: '', isLocal } : writtenTime(draft.startMs, isLocal),
  );
  const [duration, setDuration] = useState({
    text: formatDuration(draft.durationMs),
    exactMs: draft.durationMs as number | undefined,
  });
  // Somebody wrote when it ends; otherwise that is for how long.
  const [end, setEnd] = useState<WrittenTime>();
  const [createdBy, setCreatedBy] = useState(draft.createdBy);
  const [comment, setComment] = useState(draft.comment);
  const [previewed, setPreviewed] = useState<SilenceMatcher[]>();
  const [isTried, setIsTried] = useState(false);

  const by = createdBy ?? author;
  const isNow = start.text.trim() === '';
  const startMs = isNow ? Date.now() : timeOf(start);
  const endMs = end === undefined ? undefined : timeOf(end);
  const writtenMs = duration.exactMs ?? parseDuration(duration.text);
  const durationMs = end === undefined ? writtenMs : lengthMs(startMs, endMs);
  const endOfDuration =
    startMs === undefined || !writtenMs ? '' : formatTime(startMs + writtenMs, isLocal);
  const matcherFault = fault(matchers);
  const faults = {
    start: startMs === undefined ? 'YYYY-MM-DD hh:mm:ss' : undefined,
    duration: end === undefined && !writtenMs ? 'e.g. 2h or 1d12h' : undefined,
    end: end !== undefined && !durationMs ? endFault(endMs) : undefined,
    by: by.trim() === '' ? 'Who are you?' : undefined,
    comment: comment.trim() === '' ? 'Why is it silenced?' : undefined,
  };
  const isWhole = matcherFault === undefined && Object.values(faults).every((one) => !one);

  const save = useMutation({
    mutationFn: (silence: PostedSilence) =>
      alertmanager<{ silenceID: string }>('POST', 'silences', {}, silence),
    onSuccess: async () => {
      setAuthor(by);
      await client.invalidateQueries({ queryKey: ['silences'] });
      await navigate({ to: '/silences' });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsTried(true);
    const sentMs = isNow ? Date.now() : startMs;
    if (!isWhole || sentMs === undefined || durationMs === undefined) return;
    save.mutate({
      id: draft.id,
      matchers,
      startsAt: new Date(sentMs).toISOString(),
      endsAt: new Date(endMs ?? sentMs + durationMs).toISOString(),
      createdBy: by.trim(),
      comment: comment.trim(),
    });
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <MatcherFields matchers={matchers} onChange={setMatchers} />
        {isTried && matcherFault !== undefined && (
          <p className="bad small" role="alert">
            {matcherFault}
          </p>
        )}
        <div className="tools">
          <TextInput
            label={`Start (${isLocal ? 'local time' : 'UTC'})`}
            placeholder="now"
            value={textIn(start, isLocal)}
            error={faults.start}
            onChange={(event) => setStart({ text: event.currentTarget.value, isLocal })}
          />
          <TextInput
            label="Duration"
            value={end === undefined ? duration.text : formatDuration(durationMs ?? 0)}
            error={faults.duration}
            onChange={(event) => {
              setEnd(undefined);
              setDuration({ text: event.currentTarget.value, exactMs: undefined });
            }}
          />
          <TextInput
            label={`End (${isLocal ? 'local time' : 'UTC'})`}
            value={end === undefined ? endOfDuration : textIn(end, isLocal)}
            error={faults.end}
            onChange={(event) => setEnd({ text: event.currentTarget.value, isLocal })}
          />
        </div>
        <div className="tools">
          <TextInput
            label="Author"
            value={by}
            error={isTried && faults.by}
            onChange={(event) => setCreatedBy(event.currentTarget.value)}
          />
          <TextInput
            className="grows"
            label="Comment"
            value={comment}
            error={isTried && faults.comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
        </div>
        <Group>
          <Button
            variant="default"
            disabled={matcherFault !== undefined}
            onClick={() => setPreviewed(matchers)}
          >
            Preview alerts
          </Button>
          <Button type="submit" loading={save.isPending}>
            {draft.id === undefined ? 'Create' : 'Save'}
          </Button>
        </Group>
        {save.error !== null && <Failure error={save.error} />}
        {previewed !== undefined && <Preview matchers={previewed} />}
      </Stack>
    </form>
  );
}
