// A panel in its place: its title, what it shows, and what went wrong.
import { Link } from '@tanstack/react-router';
import { ApiError } from '../api/client';
import { HOUR_MS, emptyPanel, writePanels } from '../query/panel';
import { Gauge } from './Gauge';
import { HeatMap } from './HeatMap';
import { interpolateText, type Values } from './interpolation';
import { stepOf, type TimeRange, written } from './panelQuery';
import { type BoardPanel, text } from './spec';
import { Stat } from './Stat';
import { TimeSeries } from './TimeSeries';
import { type PanelData, usePanel } from './usePanel';
import { ValueTable } from './ValueTable';

interface DrawnProps {
  panel: BoardPanel;
  data: PanelData;
  onZoom: (startMs: number, endMs: number) => void;
}

function Drawn({ panel, data, onZoom }: DrawnProps) {
  if (data.series.length === 0) return <p className="quiet small">No data.</p>;
  switch (panel.kind) {
    case 'TimeSeriesChart':
      return <TimeSeries panel={panel} data={data} onZoom={onZoom} />;
    case 'StatChart':
      return <Stat panel={panel} data={data} />;
    case 'GaugeChart':
      return <Gauge panel={panel} data={data} />;
    case 'HeatMapChart':
      return <HeatMap panel={panel} data={data} onZoom={onZoom} />;
    default:
      return <ValueTable panel={panel} data={data} />;
  }
}

const KINDS = ['TimeSeriesChart', 'StatChart', 'GaugeChart', 'HeatMapChart', 'Table'];

function fault(error: unknown): string {
  if (error instanceof ApiError) return `${error.kind.replace('_', ' ')}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** The panel's queries in the page of queries, where more can be done with them. */
function queryLink(panel: BoardPanel, values: Values, range: TimeRange, isNow: boolean) {
  const panels = panel.queries.map((query) => ({
    ...emptyPanel(),
    expr: written(query, values, range, stepOf(range, panel.queries)),
    view: panel.kind === 'Table' ? ('table' as const) : ('graph' as const),
    rangeMs: range.endMs - range.startMs || HOUR_MS,
    endMs: isNow ? undefined : range.endMs,
  }));
  return writePanels(panels);
}

function Asked(props: {
  board: string;
  panel: BoardPanel;
  values: Values;
  range: TimeRange;
  isReady: boolean;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel } = props;
  const query = usePanel(props.board, panel, props.values, props.range, props.isReady);
  if (panel.queries.length === 0) return <p className="quiet small">It has no query.</p>;
  return (
    <>
      {query.error !== null && (
        <p className="bad small wraps" role="alert">
          {fault(query.error)}
        </p>
      )}
      {query.data?.warnings.map((warning) => (
        <p key={warning} className="wait small wraps">
          {warning}
        </p>
      ))}
      {query.data === undefined && query.error === null && <p className="quiet small">…</p>}
      {query.data !== undefined && query.error === null && (
        <Drawn panel={panel} data={query.data} onZoom={props.onZoom} />
      )}
    </>
  );
}

export function PanelCard(props: {
  board: string;
  panel: BoardPanel;
  values: Values;
  range: TimeRange;
  /** Whether the range ends now. */
  isNow: boolean;
  isReady: boolean;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel, values, range } = props;
  const isMarkdown = panel.kind === 'Markdown';
  const isKnown = KINDS.includes(panel.kind);
  const title = interpolateText(panel.title, values);
  return (
    <section className="board-panel" aria-label={title || panel.id} title={panel.description || undefined}>
      <header>
        <h3 className="wraps">{title}</h3>
        {isKnown && panel.queries.length > 0 && props.isReady && (
          <Link
            to="/query"
            search={queryLink(panel, values, range, props.isNow)}
            className="small"
            aria-label={`Query of ${title || panel.id}`}
          >
            Query
          </Link>
        )}
      </header>
      <div className="board-content">
        {/* Markup of others is shown as it is written. */}
        {isMarkdown && <div className="wraps small">{interpolateText(text(panel.spec.text), values)}</div>}
        {isKnown && <Asked {...props} panel={{ ...panel, title }} />}
        {!isKnown && !isMarkdown && (
          <p className="quiet small wraps">
            Panels of the kind {panel.kind} are not drawn here.
          </p>
        )}
      </div>
    </section>
  );
}
