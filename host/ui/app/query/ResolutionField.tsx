// How many points a graph has.
import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Choice } from '../frame/Choice';
import { formatDuration, parseDuration } from '../format/duration';
import { type Panel, POINTS_MAX, type Resolution, stepMs } from './panel';

const OPTIONS = [
  { value: 'low', label: 'Low' },
  { value: 'medium', label: 'Medium' },
  { value: 'high', label: 'High' },
  { value: 'step', label: 'Fixed step' },
];

export function ResolutionField(props: { panel: Panel; onChange: (to: Resolution) => void }) {
  const { panel, onChange } = props;
  const { resolution } = panel;
  const step = stepMs(panel);
  const written = formatDuration(step);
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const read = parseDuration(text);
  const isTooFine = read !== undefined && read > 0 && panel.rangeMs / read > POINTS_MAX;
  const error = read === undefined || read === 0 ? 'e.g. 15s' : isTooFine ? 'Too many points' : undefined;
  const take = () => {
    if (error === undefined && read !== undefined && read !== step) {
      onChange({ kind: 'step', stepMs: read });
    }
  };
  return (
    <div className="tools">
      <Choice
        label="Resolution"
        value={resolution.kind === 'step' ? 'step' : resolution.density}
        options={OPTIONS}
        onChange={(value) =>
          onChange(
            value === 'low' || value === 'medium' || value === 'high'
              ? { kind: 'auto', density: value }
              : { kind: 'step', stepMs: step },
          )
        }
      />
      {resolution.kind === 'step' && (
        <TextInput
          size="sm"
          w={90}
          label="Step"
          value={text}
          error={error}
          onChange={(event) => setText(event.currentTarget.value)}
          onBlur={take}
          onKeyDown={(event) => event.key === 'Enter' && take()}
        />
      )}
    </div>
  );
}
