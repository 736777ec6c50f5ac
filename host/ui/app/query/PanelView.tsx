// One panel: an expression, how it is looked at, and the answer.
import { Alert, Button, Checkbox, Group, Stack, Tabs } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { ApiError, post } from '../api/client';
import { Choice } from '../frame/Choice';
import { Loading } from '../frame/Loading';
import { load } from '../frame/load';
import { hasFleet } from '../page';
import { addMatcher } from './addMatcher';
import { Editor } from './Editor';
import { EndTime } from './EndTime';
import { remember } from './history';
import { HistoryList } from './HistoryList';
import type { OnMatch } from './MatcherLabels';
import type { Display, Panel, View } from './panel';
import { RangeField } from './RangeField';
import { ResolutionField } from './ResolutionField';
import { TableView } from './TableView';

// A table is what most look at first; the others are loaded when they are looked at.
const GraphView = lazy(async () => ({ default: (await load(() => import('./GraphView'))).GraphView }));
const ExplainView = lazy(async () => ({ default: (await load(() => import('./ExplainView'))).ExplainView }));
const MetricsExplorer = lazy(async () => ({
  default: (await load(() => import('./MetricsExplorer'))).MetricsExplorer,
}));

const DISPLAYS: { value: Display; label: string }[] = [
  { value: 'lines', label: 'Lines' },
  { value: 'stacked', label: 'Stacked' },
  { value: 'heatmap', label: 'Heatmap' },
];

export interface PanelViewProps {
  panel: Panel;
  /** From 1. */
  number: number;
  /** Grows where the page asks again by itself. */
  ticks: number;
  onChange: (panel: Panel) => void;
  onDuplicate: () => void;
  /** Missing for the last one that is left. */
  onRemove?: () => void;
}

export function PanelView(props: PanelViewProps) {
  const { panel, number, onChange, onDuplicate, onRemove } = props;
  const [draft, setDraft] = useState(panel.expr);
  const [runs, setRuns] = useState(0);
  const [opened, setOpened] = useState<'history' | 'metrics'>();
  const insert = useRef<((text: string) => void) | null>(null);
  // What is of a time in the past stays what it is.
  const ticks = panel.endMs === undefined ? props.ticks : 0;
  useEffect(() => setDraft(panel.expr), [panel.expr]);
  const change = (part: Partial<Panel>) => onChange({ ...panel, ...part });

  const run = (expr: string) => {
    remember(expr);
    setRuns(runs + 1);
    if (expr !== panel.expr) change({ expr });
  };
  const match: OnMatch = (label, operator, value) => {
    const expr = addMatcher(panel.expr, label, operator, value);
    setDraft(expr);
    run(expr);
  };
  const toggle = (what: 'history' | 'metrics') => setOpened(opened === what ? undefined : what);
  const format = useMutation({
    mutationFn: () => post<string>('format_query', { query: draft }),
    onSuccess: (answer) => setDraft(answer.data),
  });
  const zoom = (startMs: number, endMs: number) =>
    change({
      rangeMs: Math.max(1000, Math.round((endMs - startMs) / 1000) * 1000),
      endMs: Math.round(endMs / 1000) * 1000,
    });

  const replicas = hasFleet && (
    <Checkbox
      label="Each replica"
      mb={8}
      checked={!panel.isDeduplicated}
      onChange={(event) => change({ isDeduplicated: !event.currentTarget.checked })}
    />
  );
  return (
    <section className="card" aria-label={`Query ${number}`}>
      <Stack gap="sm">
        <div className="run">
          <Editor
            label={`Expression ${number}`}
            value={draft}
            onChange={setDraft}
            onRun={run}
            insert={insert}
          />
          <Group gap="xs">
            <Button onClick={() => run(draft)}>Run</Button>
            <Button
              variant="default"
              loading={format.isPending}
              disabled={draft.trim() === ''}
              onClick={() => format.mutate()}
            >
              Format
            </Button>
            <Button
              variant="default"
              aria-expanded={opened === 'metrics'}
              onClick={() => toggle('metrics')}
            >
              Metrics
            </Button>
            <Button
              variant="default"
              aria-expanded={opened === 'history'}
              onClick={() => toggle('history')}
            >
              History
            </Button>
          </Group>
        </div>
        {opened === 'metrics' && (
          <Suspense fallback={<Loading />}>
            <MetricsExplorer onChoose={(name) => insert.current?.(name)} />
          </Suspense>
        )}
        {opened === 'history' && (
          <HistoryList
            onChoose={(expr) => {
              setOpened(undefined);
              setDraft(expr);
              run(expr);
            }}
          />
        )}
        {format.error !== null && (
          <Alert color="red" variant="light" withCloseButton onClose={format.reset}>
            <span className="wraps small">
              {format.error instanceof ApiError ? format.error.message : 'It cannot be formatted.'}
            </span>
          </Alert>
        )}
        <Tabs
          value={panel.view}
          onChange={(view) => view !== null && change({ view: view as View })}
          keepMounted={false}
        >
          <Group justify="space-between" align="center" gap="xs">
            <Tabs.List>
              <Tabs.Tab value="table">Table</Tabs.Tab>
              <Tabs.Tab value="graph">Graph</Tabs.Tab>
              <Tabs.Tab value="explain">Explain</Tabs.Tab>
            </Tabs.List>
            <Group gap="xs">
              <Button variant="subtle" size="compact-sm" onClick={onDuplicate}>
                Duplicate
              </Button>
              {onRemove !== undefined && (
                <Button variant="subtle" size="compact-sm" color="red" onClick={onRemove}>
                  Remove
                </Button>
              )}
            </Group>
          </Group>
          <Tabs.Panel value="table" pt="sm">
            <Stack gap="sm">
              <div className="tools">
                <EndTime
                  label="Time"
                  endMs={panel.endMs}
                  stepMs={panel.rangeMs / 2}
                  onChange={(endMs) => change({ endMs })}
                />
                {replicas}
              </div>
              <TableView panel={panel} runs={runs} ticks={ticks} onMatch={match} />
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="graph" pt="sm">
            <Stack gap="sm">
              <div className="tools">
                <RangeField rangeMs={panel.rangeMs} onChange={(rangeMs) => change({ rangeMs })} />
                <EndTime
                  label="End"
                  endMs={panel.endMs}
                  stepMs={panel.rangeMs / 2}
                  onChange={(endMs) => change({ endMs })}
                />
                <ResolutionField
                  panel={panel}
                  onChange={(resolution) => change({ resolution })}
                />
                <Choice
                  label="Show as"
                  value={panel.display}
                  options={DISPLAYS}
                  onChange={(display) => change({ display: display as Display })}
                />
                {panel.display === 'lines' && (
                  <Checkbox
                    label="From zero"
                    mb={8}
                    checked={panel.yAxisMin !== undefined}
                    onChange={(event) =>
                      change({ yAxisMin: event.currentTarget.checked ? 0 : undefined })
                    }
                  />
                )}
                <Checkbox
                  label="Exemplars"
                  mb={8}
                  checked={panel.showExemplars}
                  onChange={(event) => change({ showExemplars: event.currentTarget.checked })}
                />
                <Checkbox
                  label="Alerts"
                  mb={8}
                  checked={panel.showAlerts}
                  onChange={(event) => change({ showAlerts: event.currentTarget.checked })}
                />
                {replicas}
              </div>
              <Suspense fallback={<Loading />}>
                <GraphView panel={panel} runs={runs} ticks={ticks} onZoom={zoom} />
              </Suspense>
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="explain" pt="sm">
            <Suspense fallback={<Loading />}>
              <ExplainView expr={panel.expr} endMs={panel.endMs} />
            </Suspense>
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </section>
  );
}
