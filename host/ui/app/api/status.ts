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

/** One of those from whom a querier answers. */
export interface Store {
  /** Its address. */
  name: string;
  lastCheck: string | null;
  lastError: string | null;
  labelSets: Record<string, string>[];
  /** Milliseconds since the epoch; 0 where it has not said so, and the ends of all time where it has no bound. */
  minTime: number;
  maxTime: number;
}

/** The stores by what they are. */
export type Stores = Record<string, Store[]>;

/** What `/api/v2/status` says of the Alertmanager inside. */
export interface AlertmanagerStatus {
  cluster: { name?: string; status: string; peers: { address: string; name: string }[] };
  config: { original: string };
  uptime: string;
}

export interface Alertmanagers {
  activeAlertmanagers: { url: string }[];
  droppedAlertmanagers: { url: string }[];
}
