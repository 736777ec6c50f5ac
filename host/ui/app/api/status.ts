// The answers below `/api/v1/status`.

export interface NamedCount {
  name: string;
  value: number;
}

export interface TsdbStatus {
  headStats: {
    numSeries: number;
    numLabelPairs: number;
    chunkCount: number;
    minTime: number;
    maxTime: number;
  };
  seriesCountByMetricName: NamedCount[];
  labelValueCountByLabelName: NamedCount[];
  memoryInBytesByLabelName: NamedCount[];
  seriesCountByLabelValuePair: NamedCount[];
}

export interface UnusedMetrics {
  metrics: number;
  unusedMetrics: number;
  unusedSeries: number;
  unused: NamedCount[];
  queries: number;
  since: string;
  isComplete: boolean;
}

export type RuntimeInfo = Record<string, string | number | boolean>;
export type BuildInfo = Record<string, string>;
export type Flags = Record<string, string>;

export interface RunningConfig {
  yaml: string;
}

export interface Alertmanagers {
  activeAlertmanagers: { url: string }[];
  droppedAlertmanagers: { url: string }[];
}
