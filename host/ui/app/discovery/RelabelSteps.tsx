// What each relabelling rule of a pool makes of the labels that discovery has found.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Labels } from '../api/labels';
import { quote } from '../format/series';
import { Loaded } from '../frame/Loaded';
import { StateMark } from '../frame/StateMark';
import { type Change, changes, type RelabelStep, ruleText } from './relabelling';

function ChangeLine({ change }: { change: Change }) {
  const { name, before, after } = change;
  return (
    <div className="mono wraps small">
      {before !== undefined && (
        <div className="bad">
          − {name}={quote(before)}
        </div>
      )}
      {after !== undefined && (
        <div className="good">
          + {name}={quote(after)}
        </div>
      )}
    </div>
  );
}

function Outcome({ step, before }: { step: RelabelStep; before: Labels }) {
  if (!step.keep) return <StateMark state="dropped" />;
  const changed = changes(before, step.output);
  if (changed.length === 0) return <span className="quiet small">changes nothing</span>;
  return changed.map((change) => <ChangeLine key={change.name} change={change} />);
}

export function RelabelSteps({ pool, labels }: { pool: string; labels: Labels }) {
  const query = useQuery({
    queryKey: ['relabel-steps', pool, labels],
    queryFn: async ({ signal }) => {
      const params = { scrapePool: pool, labels: JSON.stringify(labels) };
      return (await get<{ steps: RelabelStep[] }>('targets/relabel_steps', params, signal)).data.steps;
    },
  });
  return (
    <Loaded query={query}>
      {(steps) =>
        steps.length === 0 ? (
          <p className="quiet small">The job has no rules.</p>
        ) : (
          <ol className="steps">
            {steps.map((step, index) => (
              <li key={index}>
                <pre className="code">{ruleText(step.rule)}</pre>
                <Outcome step={step} before={steps[index - 1]?.output ?? labels} />
              </li>
            ))}
          </ol>
        )
      }
    </Loaded>
  );
}
