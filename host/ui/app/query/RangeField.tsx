// How long a graph is: a duration, and buttons for the next shorter and longer one.
import { Button, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { formatDuration, parseDuration } from '../format/duration';

const MINUTE_MS = 60_000;
const STEPS_MS = [
  1, 5, 15, 30, 60, 120, 360, 720, 1440, 2880, 10_080, 20_160, 40_320, 80_640, 525_600,
].map((minutes) => minutes * MINUTE_MS);

export function RangeField(props: { rangeMs: number; onChange: (rangeMs: number) => void }) {
  const written = formatDuration(props.rangeMs);
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const read = parseDuration(text);
  const isWrong = read === undefined || read === 0;
  const take = () => {
    if (!isWrong && read !== props.rangeMs) props.onChange(read);
  };
  const shorter = STEPS_MS.findLast((step) => step < props.rangeMs);
  const longer = STEPS_MS.find((step) => step > props.rangeMs);
  return (
    <div className="tools">
      <Button
        variant="default"
        size="sm"
        px="xs"
        aria-label="Shorter range"
        disabled={shorter === undefined}
        onClick={() => shorter !== undefined && props.onChange(shorter)}
      >
        −
      </Button>
      <TextInput
        size="sm"
        w={90}
        label="Range"
        value={text}
        error={isWrong ? 'e.g. 1h30m' : undefined}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={take}
        onKeyDown={(event) => event.key === 'Enter' && take()}
      />
      <Button
        variant="default"
        size="sm"
        px="xs"
        aria-label="Longer range"
        disabled={longer === undefined}
        onClick={() => longer !== undefined && props.onChange(longer)}
      >
        +
      </Button>
    </div>
  );
}
