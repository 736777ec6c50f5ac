// Histograms over time as a heatmap, with the scale of its counts.
import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import type { RangeSeries } from '../api/query';
import { useLocalTime } from '../frame/preferences';
import { heat } from './colours';
import { countOf, heatmap } from './heatmap';
import { countText, HeatmapPlot } from './HeatmapPlot';
import type { ExemplarMark, Span } from './marks';
import type { Range } from './panel';

/** Where the scale says what a colour counts. */
const MARKS = [0, 0.25, 0.5, 0.75, 1];

function Scale({ max }: { max: number }) {
  const isDark = useComputedColorScheme('light') === 'dark';
  const colours = MARKS.map((strong) => heat(strong, isDark)).join(', ');
  return (
    <figure className="scale">
      <figcaption className="quiet small">Observations in a bucket, at each step</figcaption>
      <div className="ramp" style={{ background: `linear-gradient(to right, ${colours})` }} />
      <div className="ticks small">
        {MARKS.map((strong) => (
          <span key={strong}>{countText(countOf(strong, max))}</span>
        ))}
      </div>
    </figure>
  );
}

export function HeatmapGraph(props: {
  series: RangeSeries[];
  range: Range;
  exemplars: ExemplarMark[];
  fired: Span[];
  onZoom: (startMs: number, endMs: number) => void;
  onExemplar: (index: number) => void;
}) {
  const { series, range } = props;
  const [isLocal] = useLocalTime();
  const map = useMemo(
    () => heatmap(series, range.startMs, range.endMs, range.stepMs),
    [series, range.startMs, range.endMs, range.stepMs],
  );
  if (map === undefined) {
    return (
      <p className="wait">
        None of the series is a histogram. A heatmap shows native histograms, as of{' '}
        <code>rate(some_histogram[5m])</code>, and classic ones by their buckets, as of{' '}
        <code>sum by (le) (rate(some_histogram_bucket[5m]))</code>.
      </p>
    );
  }
  return (
    <>
      {map.others > 0 && (
        <p className="wait small">{map.others} of the series are no histograms, and are not in it.</p>
      )}
      <HeatmapPlot
        map={map}
        stepMs={range.stepMs}
        isLocal={isLocal}
        exemplars={props.exemplars}
        fired={props.fired}
        onZoom={props.onZoom}
        onExemplar={props.onExemplar}
      />
      <Scale max={map.max} />
    </>
  );
}
