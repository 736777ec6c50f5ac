// A panel of the kind TimeSeriesChart.
import { useMemo, useState } from 'react';
import { useLocalTime } from '../frame/preferences';
import { colour } from '../query/colours';
import { columns, stack } from '../query/plotData';
import { Chart } from './Chart';
import { type BoardPanel, fields, hexColour, list, number, readFormat, readThresholds } from './spec';
import { formatValue } from './unit';
import type { PanelData } from './usePanel';

/** More lines than this nobody can tell apart, and they are slow to draw. */
const SERIES_DRAWN_MAX = 200;

export function TimeSeries(props: {
  panel: BoardPanel;
  data: PanelData;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel, data } = props;
  const [isLocal] = useLocalTime();
  const [only, setOnly] = useState<number>();
  const axis = fields(panel.spec.yAxis);
  const visual = fields(panel.spec.visual);
  const format = readFormat(axis.format);
  const isStacked = visual.stack === 'all';
  const series = useMemo(() => data.series.slice(0, SERIES_DRAWN_MAX), [data]);
  const plain = useMemo(
    () => columns(series, data.range.startMs, data.range.endMs, data.stepMs),
    [series, data],
  );
  // One of a stack is drawn by itself, from nought.
  const isPile = isStacked && only === undefined;
  const drawn = useMemo(() => (isPile ? stack(plain.columns) : plain.columns), [plain, isPile]);
  const names = useMemo(() => series.map((one) => one.name), [series]);
  const colours = useMemo(() => {
    const settings = list(panel.spec.querySettings).map(fields);
    return series.map((one, index) => {
      const own = settings.find((setting) => number(setting.queryIndex) === one.query);
      return hexColour(own?.colorValue) ?? colour(index);
    });
  }, [series, panel]);
  const shown = useMemo(
    () => series.map((_, index) => only === undefined || only === index),
    [series, only],
  );
  const thresholds = readThresholds(panel.spec.thresholds);
  return (
    <>
      {data.series.length > SERIES_DRAWN_MAX && (
        <p className="wait small">
          Only the first {SERIES_DRAWN_MAX} of {data.series.length} series are drawn.
        </p>
      )}
      {plain.histograms > 0 && (
        <p className="wait small">{plain.histograms} of the series are histograms, which are no lines.</p>
      )}
      <Chart
        title={panel.title}
        columns={drawn}
        values={plain.columns}
        names={names}
        colours={colours}
        shown={shown}
        isStacked={isPile}
        isBars={visual.display === 'bar'}
        spansGaps={visual.connectNulls === true}
        lineWidth={number(visual.lineWidth) ?? 1.5}
        fill={number(visual.areaOpacity) ?? (isPile || visual.display === 'bar' ? 0.35 : 0)}
        low={number(axis.min)}
        high={number(axis.max)}
        marks={thresholds.isPercent ? [] : thresholds.steps}
        isBinary={format.unit === 'bytes' || format.unit === 'bytes/sec'}
        isLocal={isLocal}
        format={(value) => formatValue(value, format)}
        onZoom={props.onZoom}
      />
      <ul className="board-legend" aria-label={`Series of ${panel.title}`} tabIndex={0}>
        {names.map((name, index) => (
          <li key={`${series[index]?.query} ${index}`}>
            <button
              type="button"
              aria-pressed={shown[index]}
              onClick={() => setOnly(only === index ? undefined : index)}
            >
              <span className="swatch" style={{ background: colours[index] }} />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
