// The series of a selector, counted by a label, now and at another time.
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { post } from '../api/client';
import type { InstantSeries, QueryData } from '../api/query';
import { formatCount } from '../format/number';
import { labelName } from '../format/series';
import { Choice } from '../frame/Choice';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { countQuery, counts } from './counts';

/** So many of the largest are counted. */
const COUNTS_MAX = 500;

const COUNTS_STEP = 25;

const OFFSETS = [
  { value: '', label: 'Nothing' },
  { value: '1h', label: 'An hour ago' },
  { value: '1d', label: 'A day ago' },
  { value: '7d', label: 'A week ago' },
];

interface Asked {
  selector: string;
  label: string;
  offset: string;
}

async function ask(asked: Asked, offset: string, signal: AbortSignal): Promise<InstantSeries[]> {
  const query = countQuery(asked.selector, labelName(asked.label), COUNTS_MAX, offset);
  const { data } = await post<QueryData>('query', { query }, signal);
  return data.resultType === 'vector' ? data.result : [];
}

function signed(change: number): string {
  return change > 0 ? `+${formatCount(change)}` : change < 0 ? `−${formatCount(-change)}` : '0';
}

function Counted({ asked }: { asked: Asked }) {
  const query = useQuery({
    queryKey: ['series-counts', asked],
    queryFn: async ({ signal }) => {
      const [now, before] = await Promise.all([
        ask(asked, '', signal),
        asked.offset === '' ? undefined : ask(asked, asked.offset, signal),
      ]);
      return counts(now, before, asked.label);
    },
  });
  const isCompared = asked.offset !== '';
  return (
    <Loaded query={query}>
      {(all) =>
        all.length === 0 ? (
          <p className="quiet">No series fits.</p>
        ) : (
          <More of={all} step={COUNTS_STEP} name="values">
            {(shown) => (
              <div className="wide">
                <table className="folds">
                  <thead>
                    <tr>
                      <th scope="col">{asked.label}</th>
                      <th scope="col" className="number">Series</th>
                      {isCompared && <th scope="col" className="number">Then</th>}
                      {isCompared && <th scope="col" className="number">Change</th>}
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map((count) => (
                      <tr key={count.value}>
                        <td data-name={asked.label} className="mono wraps">
                          {count.value === '' ? '(none)' : count.value}
                        </td>
                        <td data-name="Series" className="number">{formatCount(count.now)}</td>
                        {isCompared && (
                          <td data-name="Then" className="number">
                            {count.before === undefined ? '–' : formatCount(count.before)}
                          </td>
                        )}
                        {isCompared && (
                          <td data-name="Change" className="number">
                            {signed(count.now - (count.before ?? 0))}
                          </td>
                        )}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </More>
        )
      }
    </Loaded>
  );
}

export function SeriesCounts() {
  const [selector, setSelector] = useState('');
  const [label, setLabel] = useState('__name__');
  const [offset, setOffset] = useState('');
  const [asked, setAsked] = useState<Asked>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setAsked({ selector, label: label.trim(), offset });
  };
  return (
    <section className="card">
      <h2 className="small">Series by a label</h2>
      <form className="tools" onSubmit={submit}>
        <TextInput
          className="grows"
          size="sm"
          label="Selector"
          placeholder="all series"
          value={selector}
          onChange={(event) => setSelector(event.currentTarget.value)}
        />
        <TextInput
          size="sm"
          w={140}
          label="Label"
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        <Choice label="Compared with" value={offset} options={OFFSETS} onChange={setOffset} />
        <Button type="submit" size="sm" disabled={label.trim() === ''}>
          Count
        </Button>
      </form>
      {asked !== undefined && <Counted asked={asked} />}
      {asked !== undefined && (
        <p className="quiet small">The {COUNTS_MAX} largest are counted, of each time.</p>
      )}
    </section>
  );
}
