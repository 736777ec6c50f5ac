// The form of a silence: a new one, or one that takes the place of an older one.
import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { alertmanager } from '../api/client';
import type { PostedSilence, SilenceMatcher } from '../api/silences';
import { formatDuration, parseDuration } from '../format/duration';
import { formatTime, parseTime } from '../format/time';
import { Failure } from '../frame/Failure';
import { useLocalTime } from '../frame/preferences';
import { fault } from './matchers';
import { MatcherFields } from './MatcherFields';
import { Preview } from './Preview';

export interface Draft {
  /** The silence whose place it takes. */
  id?: string;
  matchers: SilenceMatcher[];
  startMs: number;
  durationMs: number;
  createdBy?: string;
  comment: string;
}

export function SilenceForm({ draft }: { draft: Draft }) {
  const [isLocal] = useLocalTime();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [author, setAuthor] = useLocalStorage({ key: 'narthex.author', defaultValue: '' });
  const [matchers, setMatchers] = useState(draft.matchers);
  const [start, setStart] = useState(formatTime(draft.startMs, isLocal));
  const [duration, setDuration] = useState(formatDuration(draft.durationMs));
  const [createdBy, setCreatedBy] = useState(draft.createdBy);
  const [comment, setComment] = useState(draft.comment);
  const [previewed, setPreviewed] = useState<SilenceMatcher[]>();
  const [isTried, setIsTried] = useState(false);

  const by = createdBy ?? author;
  const startMs = parseTime(start, isLocal);
  const durationMs = parseDuration(duration);
  const matcherFault = fault(matchers);
  const faults = {
    start: startMs === undefined ? 'YYYY-MM-DD hh:mm:ss' : undefined,
    duration: durationMs === undefined || durationMs === 0 ? 'e.g. 2h or 1d12h' : undefined,
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
    if (!isWhole || startMs === undefined || durationMs === undefined) return;
    save.mutate({
      id: draft.id,
      matchers,
      startsAt: new Date(startMs).toISOString(),
      endsAt: new Date(startMs + durationMs).toISOString(),
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
            value={start}
            error={faults.start}
            onChange={(event) => setStart(event.currentTarget.value)}
          />
          <TextInput
            label="Duration"
            value={duration}
            error={faults.duration}
            onChange={(event) => setDuration(event.currentTarget.value)}
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
