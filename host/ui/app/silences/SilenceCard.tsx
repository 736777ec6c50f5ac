// One silence: what it is of, by whom and until when; how to change, end and renew it.
import { Button, Group, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { alertmanager } from '../api/client';
import type { Silence } from '../api/silences';
import { shortDuration } from '../format/duration';
import { formatTime } from '../format/time';
import { Failure } from '../frame/Failure';
import { useLocalTime } from '../frame/preferences';
import { StateMark } from '../frame/StateMark';
import { MatcherList } from './MatcherList';

function when(silence: Silence, nowMs: number): string {
  const [start, end] = [Date.parse(silence.startsAt), Date.parse(silence.endsAt)];
  if (silence.status.state === 'pending') return `begins in ${shortDuration((start - nowMs) / 1000)}`;
  if (silence.status.state === 'active') return `${shortDuration((end - nowMs) / 1000)} left`;
  return `ended ${shortDuration((nowMs - end) / 1000)} ago`;
}

export function SilenceCard(props: {
  silence: Silence;
  nowMs: number;
  isChosen: boolean;
  onChoose: (isChosen: boolean) => void;
}) {
  const { silence, nowMs } = props;
  const [isLocal] = useLocalTime();
  const [isAsked, setIsAsked] = useState(false);
  const client = useQueryClient();
  const isOver = silence.status.state === 'expired';
  const expire = useMutation({
    mutationFn: () => alertmanager('DELETE', `silence/${encodeURIComponent(silence.id)}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['silences'] }),
  });
  return (
    <article className="card lazy">
      <Stack gap="xs">
        <Group justify="space-between">
          <Group gap="xs">
            {!isOver && (
              <input
                type="checkbox"
                aria-label={`Choose the silence ${silence.comment}`}
                checked={props.isChosen}
                onChange={(event) => props.onChoose(event.currentTarget.checked)}
              />
            )}
            <StateMark state={silence.status.state} />
            <span className="small">{when(silence, nowMs)}</span>
          </Group>
          <Group gap="xs">
            <Link to="/silences/new" search={{ id: silence.id }}>
              {isOver ? 'Recreate' : 'Edit'}
            </Link>
            {!isOver && !isAsked && (
              <Button variant="default" size="compact-sm" onClick={() => setIsAsked(true)}>
                Expire
              </Button>
            )}
            {!isOver && isAsked && (
              <>
                <Button
                  color="red"
                  size="compact-sm"
                  loading={expire.isPending}
                  onClick={() => expire.mutate()}
                >
                  Expire now
                </Button>
                <Button variant="default" size="compact-sm" onClick={() => setIsAsked(false)}>
                  Keep
                </Button>
              </>
            )}
          </Group>
        </Group>
        <MatcherList matchers={silence.matchers} />
        <div className="wraps">{silence.comment}</div>
        <div className="quiet small wraps">
          {silence.createdBy} · {formatTime(Date.parse(silence.startsAt), isLocal)} –{' '}
          {formatTime(Date.parse(silence.endsAt), isLocal)}
        </div>
        {expire.error !== null && <Failure error={expire.error} />}
      </Stack>
    </article>
  );
}
