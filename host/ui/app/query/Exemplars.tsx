// The exemplars of a graph: the one that was pressed with all that is known of it, and a list for
// those who use no mouse.
import { Button, Group } from '@mantine/core';
import { LabelList } from '../frame/LabelList';
import { More } from '../frame/More';
import { useLocalTime } from '../frame/preferences';
import { webAddress } from '../format/link';
import { labelPairs, seriesName } from '../format/series';
import { formatTime } from '../format/time';
import type { ExemplarMark } from './marks';

/** So many are listed at first. */
const LIST_STEP = 20;

function Chosen({ mark, onClose }: { mark: ExemplarMark; onClose: () => void }) {
  const [isLocal] = useLocalTime();
  const links = labelPairs(mark.labels).flatMap(([name, value]) => {
    const address = webAddress(value);
    return address === undefined ? [] : [[name, address] as const];
  });
  return (
    <section className="fields" aria-label="Exemplar">
      <Group justify="space-between">
        <b>Exemplar</b>
        <Button variant="default" size="compact-sm" onClick={onClose}>
          Close
        </Button>
      </Group>
      <dl className="facts">
        <dt>Time</dt>
        <dd>{formatTime(mark.time * 1000, isLocal)}</dd>
        <dt>Value</dt>
        <dd>{mark.value}</dd>
        <dt>Sent with</dt>
        <dd>
          <LabelList labels={mark.labels} withName />
        </dd>
        {links.map(([name, address]) => (
          <div key={name} className="fact">
            <dt>{name}</dt>
            <dd>
              <a href={address} rel="noopener noreferrer" target="_blank">
                {address}
              </a>
            </dd>
          </div>
        ))}
        <dt>Series</dt>
        <dd className="mono">{seriesName(mark.series)}</dd>
      </dl>
    </section>
  );
}

export function Exemplars(props: {
  marks: ExemplarMark[];
  /** How many the server has found. */
  all: number;
  chosen: number | undefined;
  onChoose: (index: number | undefined) => void;
}) {
  const [isLocal] = useLocalTime();
  const { marks, onChoose } = props;
  const chosen = props.chosen === undefined ? undefined : marks[props.chosen];
  if (marks.length === 0) {
    return (
      <p className="quiet small">
        There are no exemplars of these series in this time. The server keeps them with
        <code> --enable-feature=exemplar-storage</code>.
      </p>
    );
  }
  return (
    <>
      {chosen !== undefined && <Chosen mark={chosen} onClose={() => onChoose(undefined)} />}
      <details className="row small">
        <summary>
          {props.all > marks.length
            ? `The newest ${marks.length} of ${props.all} exemplars`
            : `${marks.length} exemplars`}
        </summary>
        <More of={marks} step={LIST_STEP} name="exemplars">
          {(shown) => (
            <ul className="legend" aria-label="Exemplars">
              {shown.map((mark, index) => (
                <li key={index}>
                  <button
                    type="button"
                    aria-pressed={props.chosen === index}
                    onClick={() => onChoose(index)}
                  >
                    <span className="moment">{formatTime(mark.time * 1000, isLocal)}</span>
                    <b>{mark.value}</b>
                    <span>
                      {labelPairs(mark.labels)
                        .map(([name, value]) => `${name}=${value}`)
                        .join(' ')}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )}
        </More>
      </details>
    </>
  );
}
