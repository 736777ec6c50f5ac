// The alerts that fired while a graph's data was made, in words: the graph has their times.
import { Link } from '@tanstack/react-router';
import { useLocalTime } from '../frame/preferences';
import { formatTime } from '../format/time';
import type { AlertMark } from './marks';

export function FiredAlerts({ marks, all }: { marks: AlertMark[]; all: number }) {
  const [isLocal] = useLocalTime();
  if (marks.length === 0) return <p className="quiet small">No alert fired in this time.</p>;
  return (
    <ul className="fired small" aria-label="Alerts that fired">
      {marks.map(({ name, spans }) => {
        const last = spans.at(-1);
        return (
          <li key={name}>
            <span className="bad" aria-hidden="true">
              ▬
            </span>{' '}
            <Link to="/alerts" search={{ search: name }}>
              {name}
            </Link>{' '}
            <span className="quiet">
              {spans.length > 1 && `${spans.length} times, last `}
              {last !== undefined &&
                `${formatTime(last.from * 1000, isLocal)} – ${formatTime(last.to * 1000, isLocal)}`}
            </span>
          </li>
        );
      })}
      {all > marks.length && <li className="wait">{all - marks.length} more are not marked.</li>}
    </ul>
  );
}
