// Labels, as texts: they are what targets and people have written, never markup.
import type { Labels } from '../api/labels';
import { labelPairs } from '../format/series';

export function LabelList(props: { labels: Labels; withName?: boolean }) {
  const pairs = labelPairs(props.labels);
  const name = props.labels.__name__;
  if (props.withName && name !== undefined) pairs.unshift(['__name__', name]);
  if (pairs.length === 0) return <span className="quiet small">no labels</span>;
  return (
    <div className="labels">
      {pairs.map(([label, value]) => (
        <span key={label} className="label">
          <b>{label}</b>=&quot;{value}&quot;
        </span>
      ))}
    </div>
  );
}
