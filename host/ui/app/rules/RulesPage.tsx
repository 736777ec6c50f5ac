// All rules, group by group: how each is, and when it was last evaluated.
import { Stack } from '@mantine/core';
import { useState } from 'react';
import type { Rule, RuleGroup } from '../api/rules';
import { shortDuration } from '../format/duration';
import { ago } from '../format/time';
import { Choice } from '../frame/Choice';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { StateMark } from '../frame/StateMark';
import { RuleFacts } from './RuleFacts';
import { useRules } from './useRules';

// Together a thousand rules: five thousand at once hold a browser up for two seconds.
const GROUPS_STEP = 20;
const RULES_STEP = 50;

function Row({ rule, nowMs }: { rule: Rule; nowMs: number }) {
  // What is below is made when it is looked at: there may be thousands of rules.
  const [chosen, setChosen] = useState<boolean>();
  const isOpen = chosen ?? rule.health === 'err';
  return (
    <details
      className="row"
      open={isOpen}
      onToggle={(event) => setChosen(event.currentTarget.open)}
    >
      <summary>
        <StateMark state={rule.health} /> <span className="mono wraps">{rule.name}</span>{' '}
        <span className="quiet small">
          {rule.type} · {ago(rule.lastEvaluation, nowMs)} · {shortDuration(rule.evaluationTime)}
        </span>
      </summary>
      {isOpen && (
        <Stack gap="xs" mt="xs" ml="md">
          <RuleFacts rule={rule} withAnnotations />
        </Stack>
      )}
    </details>
  );
}

function Group({ group, rules, nowMs }: { group: RuleGroup; rules: Rule[]; nowMs: number }) {
  return (
    <details className="card lazy" open>
      <summary>
        <h2 className="small">{group.name}</h2>{' '}
        <span className="quiet small wraps">
          {group.file} · every {shortDuration(group.interval)} · evaluated{' '}
          {ago(group.lastEvaluation, nowMs)} in {shortDuration(group.evaluationTime)}
        </span>
      </summary>
      <Stack gap="sm" mt="sm">
        <More of={rules} step={RULES_STEP} name="rules">
          {(shown) => shown.map((rule, index) => <Row key={`${index} ${rule.name}`} rule={rule} nowMs={nowMs} />)}
        </More>
      </Stack>
    </details>
  );
}

export function RulesPage() {
  const query = useRules();
  const [text, setText] = useParameter('search');
  const [kind, setKind] = useParameter('type');
  const [health, setHealth] = useParameter('health');
  const fits = (group: RuleGroup) => (rule: Rule) =>
    (kind === '' || rule.type === kind) &&
    (health === '' || health.split(',').includes(rule.health)) &&
    hasWords(text, [group.name, group.file, rule.name, rule.query]);
  return (
    <Page title="Rules" actions={<Refresh query={query} isAuto />}>
      <Loaded query={query}>
        {(groups) => {
          const shown = groups
            .map((group) => ({ group, rules: group.rules.filter(fits(group)) }))
            .filter(({ rules }) => rules.length > 0);
          return (
            <>
              <div className="tools">
                <Filter label="Filter by group, file, name or expression" value={text} onChange={setText} />
                <Choice
                  label="Kind"
                  value={kind}
                  onChange={setKind}
                  options={[
                    { value: '', label: 'All' },
                    { value: 'alerting', label: 'Alerting' },
                    { value: 'recording', label: 'Recording' },
                  ]}
                />
                <Choice
                  label="Health"
                  value={health}
                  onChange={setHealth}
                  options={[
                    { value: '', label: 'All' },
                    { value: 'ok', label: 'ok' },
                    { value: 'err', label: 'err' },
                    { value: 'unknown', label: 'unknown' },
                  ]}
                />
              </div>
              {shown.length === 0 && (
                <p className="quiet">
                  {groups.length === 0 ? 'The config names no rules.' : 'No rule fits the filter.'}
                </p>
              )}
              <More of={shown} step={GROUPS_STEP} name="groups">
                {(some) =>
                  some.map(({ group, rules }) => (
                    <Group
                      key={`${group.file}\n${group.name}`}
                      group={group}
                      rules={rules}
                      nowMs={query.dataUpdatedAt}
                    />
                  ))
                }
              </More>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
