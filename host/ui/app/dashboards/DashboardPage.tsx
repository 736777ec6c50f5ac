// One dashboard: its variables and its time are what its address says.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { get } from '../api/client';
import type { DashboardDetail } from '../api/dashboards';
import { formatDuration, parseDuration } from '../format/duration';
import { formatTime, parseTime } from '../format/time';
import { Choice } from '../frame/Choice';
import { Icon } from '../frame/Icon';
import { Loaded } from '../frame/Loaded';
import { Page } from '../frame/Page';
import { EndTime } from '../query/EndTime';
import { RangeField } from '../query/RangeField';
import type { Search } from '../search';
import './dashboards.css';
import { PanelCard } from './PanelCard';
import type { TimeRange } from './panelQuery';
import { type Board, readBoard } from './spec';
import { useVariables } from './useVariables';
import { parameter, writeChosen } from './values';
import { VariableFields } from './VariableFields';

const REFRESHES = ['5s', '10s', '30s', '1m', '5m', '15m'];

/** The time of the address, and how often it is looked at anew. */
function useTime(board: Board, search: Search) {
  const rangeMs = parseDuration(search.range ?? '') || board.durationMs;
  const endMs = search.end === undefined ? undefined : parseTime(search.end, false);
  const refreshMs = parseDuration(search.refresh ?? '') ?? board.refreshMs;
  const [nowMs, setNowMs] = useState(() => Date.now());
  const again = () => setNowMs(Date.now());
  useEffect(() => {
    if (refreshMs <= 0 || endMs !== undefined) return;
    const timer = setInterval(() => {
      // Nobody looks at a page that is hidden.
      if (!document.hidden) again();
    }, Math.max(1000, refreshMs));
    return () => clearInterval(timer);
  }, [refreshMs, endMs]);
  const end = endMs ?? nowMs;
  const range = useMemo<TimeRange>(() => ({ startMs: end - rangeMs, endMs: end }), [end, rangeMs]);
  return { range, rangeMs, endMs, refreshMs, again };
}

function Shown({ name, board }: { name: string; board: Board }) {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const { range, rangeMs, endMs, refreshMs, again } = useTime(board, search);
  const change = (to: Record<string, string | undefined>, replace = true) =>
    void navigate({
      to: '.',
      search: (before: Search) => ({ ...before, ...to }),
      replace,
      resetScroll: false,
    });
  const { states, values, isReady } = useVariables(board.variables, search, {
    start: Math.floor(range.startMs / 1000),
    end: Math.ceil(range.endMs / 1000),
  });
  const zoom = (startMs: number, toMs: number) => {
    const seconds = Math.max(1, Math.round((toMs - startMs) / 1000));
    const end = formatTime(Math.round(toMs / 1000) * 1000, false);
    change({ range: formatDuration(seconds * 1000), end }, false);
  };
  const written = formatDuration(refreshMs);
  const refreshes = [...new Set([...REFRESHES, ...(refreshMs > 0 ? [written] : [])])];
  return (
    <>
      <div className="tools">
        <VariableFields
          states={states}
          onChange={({ variable }, chosen) =>
            change({ [parameter(variable.name)]: writeChosen(variable, chosen) || undefined })
          }
        />
        <RangeField rangeMs={rangeMs} onChange={(to) => change({ range: formatDuration(to) })} />
        <EndTime
          label="End"
          endMs={endMs}
          stepMs={rangeMs / 2}
          onChange={(to) => change({ end: to === undefined ? undefined : formatTime(to, false) })}
        />
        <Choice
          label="Refresh"
          value={refreshMs > 0 ? written : '0s'}
          options={[
            { value: '0s', label: 'Off' },
            ...refreshes.map((value) => ({ value, label: `Every ${value}` })),
          ]}
          onChange={(to) => change({ refresh: to })}
        />
        <Button
          variant="default"
          size="sm"
          leftSection={<Icon name="refresh" size={14} />}
          onClick={again}
        >
          Refresh
        </Button>
      </div>
      {board.rows.map((row, number) => (
        <details key={number} className="board-row" open={row.isOpen}>
          <summary className={row.title === '' ? 'quiet' : undefined}>
            <h2 className="wraps">{row.title || 'Panels'}</h2>
          </summary>
          <div className="board-grid">
            {row.places.map(({ x, y, width, height, panel }, place) => (
              <div
                key={place}
                className="board-place"
                style={
                  {
                    '--column': `${x + 1} / span ${Math.min(width, 24 - x)}`,
                    '--row': `${y + 1} / span ${height}`,
                    '--height': height,
                  } as React.CSSProperties
                }
              >
                <PanelCard
                  board={name}
                  panel={panel}
                  values={values}
                  range={range}
                  isNow={endMs === undefined}
                  isReady={isReady}
                  onZoom={zoom}
                />
              </div>
            ))}
          </div>
        </details>
      ))}
      {board.rows.length === 0 && <p className="quiet">Its layouts name no panels.</p>}
    </>
  );
}

export function DashboardPage() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery({
    queryKey: ['dashboard', name],
    queryFn: async ({ signal }) =>
      (await get<DashboardDetail>(`dashboards/${encodeURIComponent(name)}`, {}, signal)).data,
  });
  const board = useMemo(() => query.data && readBoard(query.data.dashboard), [query.data]);
  return (
    <Page title={board?.title ?? 'Dashboard'}>
      <Loaded query={query}>
        {(detail) => (
          <>
            {detail.error !== null && (
              <div className="bad small wraps" role="alert">
                {detail.origin} is not taken as it is now, so this is how it was before: {detail.error}
              </div>
            )}
            {detail.description !== '' && <div className="quiet small wraps">{detail.description}</div>}
            {board !== undefined && <Shown key={name} name={name} board={board} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}
