// The time of a table, or the end of a graph: now, or one that is written down.
import { Button, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useLocalTime } from '../frame/preferences';
import { formatTime, parseTime } from '../format/time';

export function EndTime(props: {
  label: string;
  endMs: number | undefined;
  /** How far one press of a button goes. */
  stepMs: number;
  onChange: (endMs: number | undefined) => void;
}) {
  const [isLocal] = useLocalTime();
  const written = props.endMs === undefined ? '' : formatTime(props.endMs, isLocal);
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const read = text.trim() === '' ? undefined : parseTime(text, isLocal);
  const isWrong = text.trim() !== '' && read === undefined;
  const take = () => {
    // What nobody has written is no change: the text has no milliseconds, and one hour comes twice.
    if (text !== written && !isWrong && read !== props.endMs) props.onChange(read);
  };
  const move = (by: number) =>
    // Whole seconds, as the address has them.
    props.onChange(Math.round(((props.endMs ?? Date.now()) + by) / 1000) * 1000);
  return (
    <div className="tools">
      <Button variant="default" size="sm" px="xs" aria-label="Earlier" onClick={() => move(-props.stepMs)}>
        ‹
      </Button>
      <TextInput
        size="sm"
        w={190}
        label={props.label}
        placeholder="now"
        value={text}
        error={isWrong ? 'YYYY-MM-DD hh:mm:ss' : undefined}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={take}
        onKeyDown={(event) => event.key === 'Enter' && take()}
      />
      <Button variant="default" size="sm" px="xs" aria-label="Later" onClick={() => move(props.stepMs)}>
        ›
      </Button>
      {props.endMs !== undefined && (
        <Button variant="default" size="sm" onClick={() => props.onChange(undefined)}>
          Now
        </Button>
      )}
    </div>
  );
}
