// What `/api/v1/plugins` says.

export interface PluginSummary {
  name: string;
  description: string;
  world: string;
  state: string;
  version: string;
  digest: string;
  source: string;
  jobs: string[];
  lastError: string | null;
}

export interface PluginFailure {
  timeMs: number;
  job: string;
  error: string;
  backtrace: string;
}

export interface PluginJob {
  name: string;
  warmInstances: number;
  running: number;
  memoryBytes: number;
  quarantined: { target: string; untilMs: number; error: string }[];
}

export interface PluginDetail extends Omit<PluginSummary, 'jobs'> {
  signedBy: string | null;
  previousVersion: string | null;
  requests: unknown;
  grant: unknown;
  denied: Record<string, number>;
  memoryLimitBytes: number;
  timeoutSeconds: number | null;
  concurrency: number;
  calls: Record<string, number>;
  failures: PluginFailure[];
  jobs: PluginJob[];
}

export interface PluginLogLine {
  timeMs: number;
  level: string;
  job: string;
  message: string;
}
