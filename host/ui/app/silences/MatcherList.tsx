// The matchers of a silence, as texts.
import type { SilenceMatcher } from '../api/silences';
import { matcherText } from './matchers';

export function MatcherList({ matchers }: { matchers: SilenceMatcher[] }) {
  return (
    <div className="labels">
      {matchers.map((matcher) => (
        <span key={matcherText(matcher)} className="label">
          {matcherText(matcher)}
        </span>
      ))}
    </div>
  );
}
