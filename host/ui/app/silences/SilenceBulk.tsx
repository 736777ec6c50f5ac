// What is done with several silences at once: they are expired, or end at another time.
import { Alert, Button, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { alertmanager } from '../api/client';
import type { Silence } from '../api/silences';
import { textIn, timeOf, type WrittenTime, writtenTime } from '../format/time';
import { useLocalTime } from '../frame/preferences';
import { forEach, withEnd } from './end';

type Asked = 'expire' | 'end' | undefined;

export function SilenceBulk(props: {
  /** Those that can be chosen, and are to be seen. */
  shown: Silence[];
  chosen: Silence[];
  onChoose: (silences: Silence[]) => void;
}) {
  const { shown, chosen } = props;
  const [isLocal] = useLocalTime();
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked>();
  const [end, setEnd] = useState<WrittenTime>({ text: '', isLocal });
  const endMs = timeOf(end);
  const act = useMutation({
    mutationFn: (what: 'expire' | 'end') =>
      forEach(chosen, (silence) =>
        what === 'expire'
          ? alertmanager('DELETE', `silence/${encodeURIComponent(silence.id)}`)
          : alertmanager('POST', 'silences', {}, withEnd(silence, endMs ?? 0)),
      ),
    onSuccess: async (failed) => {
      setAsked(undefined);
      props.onChoose(chosen.filter(({ id }) => failed.some((one) => one.id === id)));
      await client.invalidateQueries({ queryKey: ['silences'] });
    },
  });
  const begin = (what: Asked) => {
    if (what === 'end') {
      const latest = Math.max(...chosen.map((silence) => Date.parse(silence.endsAt)));
      setEnd(writtenTime(latest, isLocal));
    }
    setAsked(what);
  };
  const isAll = shown.length > 0 && chosen.length === shown.length;
  const several = `${chosen.length} ${chosen.length === 1 ? 'silence' : 'silences'}`;
  return (
    <>
      <div className="tools">
        <Button variant="default" size="xs" onClick={() => props.onChoose(isAll ? [] : shown)}>
          {isAll ? 'Choose none' : `Choose all ${shown.length}`}
        </Button>
        {chosen.length > 0 && asked === undefined && (
          <>
            <Button variant="default" size="xs" onClick={() => begin('expire')}>
              Expire {several}
            </Button>
            <Button variant="default" size="xs" onClick={() => begin('end')}>
              Change the end of {several}
            </Button>
          </>
        )}
        {chosen.length > 0 && asked === 'expire' && (
          <>
            <Button color="red" size="xs" loading={act.isPending} onClick={() => act.mutate('expire')}>
              Expire {several} now
            </Button>
            <Button variant="default" size="xs" onClick={() => setAsked(undefined)}>
              Keep them
            </Button>
          </>
        )}
        {chosen.length > 0 && asked === 'end' && (
          <>
            <TextInput
              size="xs"
              w={190}
              label={`New end (${isLocal ? 'local time' : 'UTC'})`}
              value={textIn(end, isLocal)}
              error={endMs === undefined ? 'YYYY-MM-DD hh:mm:ss' : undefined}
              onChange={(event) => setEnd({ text: event.currentTarget.value, isLocal })}
            />
            <Button
              size="xs"
              loading={act.isPending}
              disabled={endMs === undefined}
              onClick={() => act.mutate('end')}
            >
              End {several} then
            </Button>
            <Button variant="default" size="xs" onClick={() => setAsked(undefined)}>
              Keep them
            </Button>
          </>
        )}
      </div>
      {act.data !== undefined && act.data.length > 0 && (
        <Alert color="red" variant="light" role="alert" title={`${act.data.length} were not changed`}>
          {act.data.map(({ id, reason }) => (
            <div key={id} className="small wraps">
              {id}: {reason}
            </div>
          ))}
        </Alert>
      )}
    </>
  );
}
