// A panel of the kind HeatMapChart: how often a value lay in each bucket, over time. The drawing is that
// of the page of queries.
import { useMemo } from 'react';
import { useLocalTime } from '../frame/preferences';
import { heatmap } from '../query/heatmap';
import { HeatmapPlot } from '../query/HeatmapPlot';
import { type BoardPanel, readFormat } from './spec';
import { formatValue } from './unit';
import type { PanelData } from './usePanel';

export function HeatMap(props: {
  panel: BoardPanel;
  data: PanelData;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel, data } = props;
  const [isLocal] = useLocalTime();
  const map = useMemo(
    () => heatmap(data.series, data.range.startMs, data.range.endMs, data.stepMs),
    [data],
  );
  const texts = useMemo(() => {
    const { yAxisFormat, countFormat } = panel.spec;
    const [ofBound, ofCount] = [readFormat(yAxisFormat), readFormat(countFormat)];
    return {
      bound: (value: number) => formatValue(value, ofBound),
      count: (value: number) => formatValue(value, ofCount),
    };
  }, [panel]);
  if (map === undefined) {
    return <p className="quiet small">The answer has no histograms and no series with a label le.</p>;
  }
  return (
    <HeatmapPlot
      map={map}
      stepMs={data.stepMs}
      isLocal={isLocal}
      texts={texts}
      title={panel.title}
      fills
      onZoom={props.onZoom}
    />
  );
}
