// The first entries of a long list, and a button for the next ones: a page with ten thousand
// rows is of no use to anybody, and slow.
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';

export function More<T>(props: {
  of: T[];
  /** So many are shown at first, and more at each press. */
  step: number;
  /** What they are, for the button. */
  name: string;
  children: (shown: T[]) => ReactNode;
}) {
  const [count, setCount] = useState(props.step);
  const rest = props.of.length - count;
  return (
    <>
      {props.children(props.of.slice(0, count))}
      {rest > 0 && (
        <div>
          <Button variant="default" size="xs" onClick={() => setCount(count + props.step)}>
            Show {Math.min(rest, props.step)} more of {rest} {props.name}
          </Button>
        </div>
      )}
    </>
  );
}
