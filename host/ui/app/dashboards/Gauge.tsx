// A panel of the kind GaugeChart: a value between nought and the most, a series each.
import { parseValue } from '../format/number';
import { gaugeMost } from './axis';
import { calculate } from './calculation';
import { type BoardPanel, readFormat, readThresholds, text, thresholdColour } from './spec';
import { formatValue } from './unit';
import type { NamedSeries, PanelData } from './usePanel';

const GAUGES_MAX = 12;

const RADIUS = 42;
/** Half of a circle. */
const LENGTH = Math.PI * RADIUS;
const ARC = `M ${50 - RADIUS} 50 A ${RADIUS} ${RADIUS} 0 0 1 ${50 + RADIUS} 50`;

function One({ series, panel, isNamed }: { series: NamedSeries; panel: BoardPanel; isNamed: boolean }) {
  const format = readFormat(panel.spec.format);
  const most = gaugeMost(panel.spec, format.unit);
  const values = (series.values ?? []).map(([, value]) => parseValue(value));
  const value = calculate(text(panel.spec.calculation), values);
  const part = value === undefined || Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value / most));
  const colour =
    value === undefined ? undefined : thresholdColour(readThresholds(panel.spec.thresholds), value, most);
  const shown = value === undefined ? '–' : formatValue(value, format);
  return (
    <div className="gauge">
      <svg viewBox="0 0 100 56" role="img" aria-label={`${series.name}: ${shown} of ${formatValue(most, format)}`}>
        <path d={ARC} fill="none" stroke="var(--line)" strokeWidth="9" strokeLinecap="round" />
        {part > 0 && (
          <path
            d={ARC}
            fill="none"
            stroke={colour ?? 'var(--accent)'}
            strokeWidth="9"
            strokeLinecap="round"
            strokeDasharray={`${part * LENGTH} ${LENGTH}`}
          />
        )}
        <text x="50" y="48" textAnchor="middle" className="gauge-value">
          {shown}
        </text>
      </svg>
      {isNamed && <div className="quiet small wraps">{series.name}</div>}
    </div>
  );
}

export function Gauge({ panel, data }: { panel: BoardPanel; data: PanelData }) {
  return (
    <div className="stats">
      {data.series.slice(0, GAUGES_MAX).map((series, index) => (
        <One key={index} series={series} panel={panel} isNamed={data.series.length > 1} />
      ))}
      {data.series.length > GAUGES_MAX && (
        <p className="wait small">{data.series.length - GAUGES_MAX} more are not shown.</p>
      )}
    </div>
  );
}
