// A panel of the kind StatChart: one large value a series, and how it was before.
import { seriesName } from '../format/series';
import { parseValue } from '../format/number';
import { calculate } from './calculation';
import { type BoardPanel, readFormat, readThresholds, text, thresholdColour } from './spec';
import { formatValue } from './unit';
import type { NamedSeries, PanelData } from './usePanel';

/** So many values have a place; of more only the first are shown. */
const VALUES_MAX = 24;

const WIDTH = 100;
const HEIGHT = 24;

function Sparkline({ values, colour }: { values: number[]; colour: string | undefined }) {
  const known = values.filter(Number.isFinite);
  if (known.length < 2) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const points = values.flatMap((value, index) => {
    if (!Number.isFinite(value)) return [];
    const x = (index / (values.length - 1)) * WIDTH;
    const y = HEIGHT - 1 - ((value - low) / (high - low || 1)) * (HEIGHT - 2);
    return [`${x.toFixed(1)},${y.toFixed(1)}`];
  });
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke={colour ?? 'var(--accent)'}
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

function One(props: { series: NamedSeries; panel: BoardPanel; isNamed: boolean }) {
  const { series, panel } = props;
  const format = readFormat(panel.spec.format);
  const values = (series.values ?? []).map(([, value]) => parseValue(value));
  const value = calculate(text(panel.spec.calculation), values);
  const known = values.filter(Number.isFinite);
  const most = known.length === 0 ? 0 : Math.max(...known);
  const thresholds = readThresholds(panel.spec.thresholds);
  const colour = value === undefined ? undefined : thresholdColour(thresholds, value, most);
  const label = text(panel.spec.metricLabel);
  const shown = label === '' ? undefined : series.metric[label];
  return (
    <div className="stat">
      {props.isNamed && (
        <div className="quiet small wraps" title={seriesName(series.metric)}>
          {series.name}
        </div>
      )}
      <div className="stat-value">
        {colour !== undefined && <span className="stat-mark" style={{ background: colour }} />}
        {shown ?? (value === undefined ? '–' : formatValue(value, format))}
      </div>
      {panel.spec.sparkline !== undefined && <Sparkline values={values} colour={colour} />}
    </div>
  );
}

export function Stat({ panel, data }: { panel: BoardPanel; data: PanelData }) {
  const mode = text(panel.spec.legendMode);
  const isNamed = mode === 'on' || (mode !== 'off' && data.series.length > 1);
  return (
    <div className="stats">
      {data.series.slice(0, VALUES_MAX).map((series, index) => (
        <One key={index} series={series} panel={panel} isNamed={isNamed} />
      ))}
      {data.series.length > VALUES_MAX && (
        <p className="wait small">{data.series.length - VALUES_MAX} more are not shown.</p>
      )}
    </div>
  );
}
