// The pages of the application, as the navigation lists them. `src/page.rs` has their paths, too.
import { hasAlertmanager, hasFleet, isAgent } from '../page';
import type { IconName } from './Icon';

export interface PageEntry {
  path: string;
  name: string;
  icon: IconName;
}

const SERVER: PageEntry[] = [
  { path: '/query', name: 'Query', icon: 'query' },
  { path: '/dashboards', name: 'Dashboards', icon: 'dashboards' },
  { path: '/alerts', name: 'Alerts', icon: 'alerts' },
  { path: '/rules', name: 'Rules', icon: 'rules' },
];

const ALERTMANAGER: PageEntry[] = [
  { path: '/alert-groups', name: 'Alert groups', icon: 'alerts' },
  { path: '/silences', name: 'Silences', icon: 'silences' },
];

const ALWAYS: PageEntry[] = [
  { path: '/targets', name: 'Targets', icon: 'targets' },
  { path: '/service-discovery', name: 'Service discovery', icon: 'discovery' },
  { path: '/plugins', name: 'Plugins', icon: 'plugins' },
];

const TSDB: PageEntry[] = [{ path: '/tsdb-status', name: 'TSDB status', icon: 'status' }];

const STORES: PageEntry[] = [{ path: '/stores', name: 'Stores', icon: 'status' }];

const STATUS: PageEntry[] = [
  { path: '/status', name: 'Runtime and build', icon: 'status' },
  { path: '/config', name: 'Configuration', icon: 'status' },
  { path: '/flags', name: 'Flags', icon: 'status' },
];

/** What this server has a use for: an agent has neither queries nor rules. */
export const PAGES: { name: string; entries: PageEntry[] }[] = [
  {
    name: 'Data',
    entries: [
      ...(isAgent ? [] : SERVER),
      ...(hasAlertmanager ? ALERTMANAGER : []),
      ...ALWAYS,
    ],
  },
  { name: 'Server', entries: [...(isAgent ? [] : TSDB), ...(hasFleet ? STORES : []), ...STATUS] },
];
