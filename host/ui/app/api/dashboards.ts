// What `/api/v1/dashboards` says.

export interface DashboardEntry {
  /** What it is asked for by; missing where there is nothing to show. */
  name: string | null;
  title: string;
  description: string;
  project: string;
  panels: number;
  source: 'narthex' | 'plugin' | 'file';
  /** The plugin's name or the file's. */
  origin: string;
  error: string | null;
}

export interface DashboardDetail extends DashboardEntry {
  /** The dashboard as it was written, in Perses' format. */
  dashboard: unknown;
}
