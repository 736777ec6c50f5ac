// Series as lines, stacked or not, with their legend.
import { useMemo, useState } from 'react';
import type { RangeSeries } from '../api/query';
import { useLocalTime } from '../frame/preferences';
import { seriesName } from '../format/series';
import { colour } from './colours';
import type { ExemplarMark, Span } from './marks';
import type { Range } from './panel';
import { Plot } from './Plot';
import { columns, stack } from './plotData';

/** More lines than this nobody can tell apart, and they are slow to draw. */
const SERIES_DRAWN_MAX = 500;

export function LineGraph(props: {
  series: RangeSeries[];
  range: Range;
  isStacked: boolean;
  yAxisMin: number | undefined;
  exemplars: ExemplarMark[];
  fired: Span[];
  onZoom: (startMs: number, endMs: number) => void;
  onExemplar: (index: number) => void;
}) {
  const { range: asked, isStacked } = props;
  const [isLocal] = useLocalTime();
  const series = useMemo(() => props.series.slice(0, SERIES_DRAWN_MAX), [props.series]);
  const plain = useMemo(
    () => columns(series, asked.startMs, asked.endMs, asked.stepMs),
    [series, asked.startMs, asked.endMs, asked.stepMs],
  );
  const names = useMemo(() => series.map((one) => seriesName(one.metric)), [series]);
  const colours = useMemo(() => series.map((_, index) => colour(index)), [series]);
  const [only, setOnly] = useState<number>();
  const shown = useMemo(
    () => series.map((_, index) => only === undefined || only === index),
    [series, only],
  );
  // A single one of a stack is drawn by itself, from nought.
  const isPile = isStacked && only === undefined;
  const drawn = useMemo(
    () => (isPile ? stack(plain.columns) : plain.columns),
    [plain.columns, isPile],
  );
  return (
    <>
      {props.series.length > SERIES_DRAWN_MAX && (
        <p className="wait small">
          Only the first {SERIES_DRAWN_MAX} of {props.series.length} series are drawn; the file has
          all of them.
        </p>
      )}
      {plain.histograms > 0 && (
        <p className="wait small">
          {plain.histograms} of the series are native histograms, which a line cannot show: show them
          as a heatmap, or ask for histogram_quantile, histogram_count or histogram_avg of them.
        </p>
      )}
      <Plot
        columns={drawn}
        values={plain.columns}
        names={names}
        colours={colours}
        shown={shown}
        isStacked={isPile}
        yAxisMin={isPile ? 0 : props.yAxisMin}
        isLocal={isLocal}
        exemplars={props.exemplars}
        fired={props.fired}
        onZoom={props.onZoom}
        onExemplar={props.onExemplar}
      />
      <ul className="legend" aria-label="Series">
        {names.map((name, index) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={shown[index]}
              onClick={() => setOnly(only === index ? undefined : index)}
            >
              <span className="swatch" style={{ background: colours[index] }} />
              <span className="mono">{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
