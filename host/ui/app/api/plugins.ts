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

/** What may be asked for and granted: lists of texts by their kind, and whether it keeps state. */
export type GrantList = Record<string, string[] | boolean>;

/** A package of the registry, and what installing it would change. */
export interface PluginOffer {
  name: string;
  version: string;
  world: string;
  description: string;
  digest: string;
  componentBytes: number;
  files: string[];
  /** The file of the key that has signed it; null where nobody did and nobody has to. */
  signedBy: string | null;
  /** Why it may not be installed. */
  refused: string | null;
  /** The version in the plugin folder. */
  from: string | null;
  isInstalled: boolean;
  isDowngrade: boolean;
  wasRolledBack: boolean;
  requests: GrantList;
  /** What of it the version in the folder does not ask for. */
  beyond: GrantList;
  /** What of it the config has to grant, and does not. */
  ungranted: GrantList;
  /** The section of the config that grants it. */
  paste: string;
  /** What approves of just this; null where there is nothing to install. */
  approve: string | null;
  changed: boolean;
  /** What the plugin is, once it is installed. */
  plugin?: PluginDetail | null;
}

/** A plugin that the registry's index lists. */
export interface AvailablePlugin {
  name: string;
  description: string;
  world: string;
  /** The newest first. */
  versions: string[];
}
