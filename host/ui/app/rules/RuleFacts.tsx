// What a rule is: its expression, how long it waits, its labels and annotations.
import type { Rule } from '../api/rules';
import { Annotations } from '../alerts/Annotations';
import { shortDuration } from '../format/duration';
import { ExprLink } from '../frame/ExprLink';
import { LabelList } from '../frame/LabelList';

export function RuleFacts(props: {
  rule: Rule;
  /** Whether the annotations are shown as the file has them; alerts have their own. */
  withAnnotations: boolean;
}) {
  const { rule } = props;
  const labels = rule.labels ?? {};
  return (
    <>
      <dl className="facts">
        <dt>Expression</dt>
        <dd>
          <ExprLink expr={rule.query} />
        </dd>
        {rule.type === 'alerting' && rule.duration > 0 && (
          <>
            <dt>For</dt>
            <dd>{shortDuration(rule.duration)}</dd>
          </>
        )}
        {rule.type === 'alerting' && (rule.keepFiringFor ?? 0) > 0 && (
          <>
            <dt>Keep firing for</dt>
            <dd>{shortDuration(rule.keepFiringFor ?? 0)}</dd>
          </>
        )}
        {Object.keys(labels).length > 0 && (
          <>
            <dt>Labels</dt>
            <dd>
              <LabelList labels={labels} />
            </dd>
          </>
        )}
      </dl>
      {rule.type === 'alerting' && props.withAnnotations && (
        <Annotations annotations={rule.annotations ?? {}} />
      )}
      {rule.lastError !== undefined && rule.lastError !== '' && (
        <pre className="code bad">{rule.lastError}</pre>
      )}
    </>
  );
}
