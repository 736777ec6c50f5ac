// The alerting rules and their alerts, those that fire first.
import { Group, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Alert, AlertingRule, AlertState, RuleGroup } from '../api/rules';
import { seriesName } from '../format/series';
import { Choice } from '../frame/Choice';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { StateMark } from '../frame/StateMark';
import { RuleFacts } from '../rules/RuleFacts';
import { useRules } from '../rules/useRules';
import { searchOf } from '../silences/matchers';
import { AlertTable, type Choosing } from './AlertTable';
import { GroupedAlerts } from './GroupedAlerts';
import { groupingLabels, matchersOfAll } from './groups';
import { type Muted, useMuted } from './muted';

const RULES_STEP = 100;

const STATES: AlertState[] = ['firing', 'pending', 'inactive', 'unknown'];

interface Shown {
  group: RuleGroup;
  /** Which of the group's rules it is: the order of the page changes with their states. */
  place: number;
  rule: AlertingRule;
}

function all(groups: RuleGroup[]): Shown[] {
  const found = groups.flatMap((group) =>
    group.rules.flatMap((rule, place) =>
      rule.type === 'alerting' ? [{ group, place, rule }] : [],
    ),
  );
  // The order of a sort is stable: rules of one state stay as the files have them.
  return found.sort((a, b) => STATES.indexOf(a.rule.state) - STATES.indexOf(b.rule.state));
}

function texts({ group, rule }: Shown): string[] {
  const labels = (rule.alerts ?? []).flatMap((alert) =>
    Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`),
  );
  return [rule.name, group.name, group.file, ...labels];
}

function RuleCard(props: Shown & { choosing: Choosing; muted: Muted }) {
  const { group, rule, choosing, muted } = props;
  const alerts = rule.alerts ?? [];
  return (
    <details className="card lazy" open={alerts.length > 0 && alerts.length <= 10}>
      <summary>
        <StateMark state={rule.state} /> <h2 className="mono">{rule.name}</h2>{' '}
        <span className="quiet small wraps">
          {alerts.length > 0 && `${alerts.length} ${alerts.length === 1 ? 'alert' : 'alerts'} · `}
          {group.name} · {group.file}
        </span>
      </summary>
      <Stack gap="sm" mt="sm">
        <RuleFacts rule={rule} withAnnotations={alerts.length === 0} />
        {alerts.length > 0 && <AlertTable alerts={alerts} choosing={choosing} muted={muted} />}
      </Stack>
    </details>
  );
}

export function AlertsPage() {
  const query = useRules('alert');
  const muted = useMuted(query.dataUpdatedAt);
  const [text, setText] = useParameter('search');
  const [state, setState] = useParameter('state');
  const [label, setLabel] = useParameter('group');
  const [chosen, setChosen] = useState<ReadonlyMap<string, Alert>>(new Map());
  // Prometheus' addresses name several.
  const states = state.split(',').filter((one) => one !== '');
  const choosing: Choosing = {
    chosen,
    onChoose: (alert, isChosen) => {
      const next = new Map(chosen);
      if (isChosen) next.set(seriesName(alert.labels), alert);
      else next.delete(seriesName(alert.labels));
      setChosen(next);
    },
  };
  return (
    <Page title="Alerts" actions={<Refresh query={query} isAuto />}>
      <Loaded query={query}>
        {(groups) => {
          const rules = all(groups);
          const count = (of: AlertState) => rules.filter(({ rule }) => rule.state === of).length;
          const shown = rules.filter(
            (one) =>
              (states.length === 0 || states.includes(one.rule.state)) && (text === '' || hasWords(text, texts(one))),
          );
          const alerts = shown.flatMap(({ rule }) => rule.alerts ?? []);
          const labels = groupingLabels(alerts);
          if (label !== '' && !labels.includes(label)) labels.push(label);
          return (
            <>
              <div className="tools">
                <Filter label="Filter by rule, group or label" value={text} onChange={setText} />
                <Choice
                  label="State"
                  value={state}
                  onChange={setState}
                  options={[
                    { value: '', label: `All (${rules.length})` },
                    ...STATES.map((one) => ({ value: one, label: `${one} (${count(one)})` })),
                  ]}
                />
                <Choice
                  label="Group by"
                  value={label}
                  onChange={setLabel}
                  options={[
                    { value: '', label: 'Rule' },
                    ...labels.map((one) => ({ value: one, label: one })),
                  ]}
                />
              </div>
              {chosen.size > 0 && (
                <div className="tools" role="status">
                  <Link
                    to="/silences/new"
                    search={searchOf(matchersOfAll([...chosen.values()].map((alert) => alert.labels)))}
                  >
                    Silence {chosen.size} chosen {chosen.size === 1 ? 'alert' : 'alerts'}
                  </Link>
                  <button type="button" className="plain-button" onClick={() => setChosen(new Map())}>
                    Choose none
                  </button>
                </div>
              )}
              {shown.length === 0 && (
                <Group>
                  <p className="quiet">
                    {rules.length === 0
                      ? 'The config names no alerting rules.'
                      : 'No rule fits the filter.'}
                  </p>
                </Group>
              )}
              {label !== '' && <GroupedAlerts alerts={alerts} label={label} choosing={choosing} muted={muted} />}
              <More of={label === '' ? shown : []} step={RULES_STEP} name="rules">
                {(some) =>
                  some.map((one) => (
                    <RuleCard
                      key={`${one.group.file}\n${one.group.name}\n${one.place}`}
                      choosing={choosing}
                      muted={muted}
                      {...one}
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
