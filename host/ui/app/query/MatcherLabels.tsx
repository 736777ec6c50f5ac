// The labels of an answer; a press on one asks for those series alone, with Shift for all others.
import type { Labels } from '../api/labels';
import { labelPairs } from '../format/series';
import type { MatchOperator } from './addMatcher';

export type OnMatch = (label: string, operator: MatchOperator, value: string) => void;

export function MatcherLabels({ labels, onMatch }: { labels: Labels; onMatch: OnMatch }) {
  const pairs = labelPairs(labels);
  if (pairs.length === 0) return <span className="quiet small">no labels</span>;
  return (
    <div className="labels">
      {pairs.map(([label, value]) => (
        <button
          key={label}
          type="button"
          className="label"
          title="Only these series; with Shift, all but these"
          onClick={(event) => onMatch(label, event.shiftKey ? '!=' : '=', value)}
        >
          <b>{label}</b>=&quot;{value}&quot;
        </button>
      ))}
    </div>
  );
}
