// How often a page asks again.
import { formatDuration } from '../format/duration';
import { INTERVALS_MS } from './autoRefresh';
import { Choice } from './Choice';

export function RefreshField(props: {
  everyMs: number | undefined;
  onChange: (everyMs: number | undefined) => void;
}) {
  const { everyMs } = props;
  const isListed = everyMs === undefined || INTERVALS_MS.includes(everyMs);
  const all = isListed ? INTERVALS_MS : [everyMs, ...INTERVALS_MS];
  return (
    <Choice
      label="Auto-refresh"
      value={everyMs === undefined ? '' : String(everyMs)}
      options={[
        { value: '', label: 'off' },
        ...all.map((ms) => ({ value: String(ms), label: `every ${formatDuration(ms)}` })),
      ]}
      onChange={(value) => props.onChange(value === '' ? undefined : Number(value))}
    />
  );
}
