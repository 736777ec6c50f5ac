// Which path is which page. Each page is loaded when it is first opened.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
} from '@tanstack/react-router';
import { PageFailure } from './frame/Failure';
import { Frame } from './frame/Frame';
import { load } from './frame/load';
import { Loading } from './frame/Loading';
import { Page } from './frame/Page';
import { keepPlaces } from './frame/places';
import { alertmanagerPage } from './links';
import { basePath, below, isAgent } from './page';
import { parseSearch, type Search, stringifySearch } from './search';

function NotFound() {
  return (
    <Page title="Not found">
      <p>There is no such page here.</p>
    </Page>
  );
}

const root = createRootRoute({
  component: Frame,
  notFoundComponent: NotFound,
  errorComponent: PageFailure,
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
});

const page: typeof lazyRouteComponent = (take, name) => lazyRouteComponent(() => load(take), name);

const PAGES = {
  '/query': page(() => import('./query/QueryPage'), 'QueryPage'),
  '/alerts': page(() => import('./alerts/AlertsPage'), 'AlertsPage'),
  '/rules': page(() => import('./rules/RulesPage'), 'RulesPage'),
  '/alert-groups': page(() => import('./silences/AlertGroupsPage'), 'AlertGroupsPage'),
  '/silences': page(() => import('./silences/SilencesPage'), 'SilencesPage'),
  '/silences/new': page(() => import('./silences/SilencePage'), 'SilencePage'),
  '/dashboards': page(() => import('./dashboards/DashboardsPage'), 'DashboardsPage'),
  '/dashboards/$name': page(() => import('./dashboards/DashboardPage'), 'DashboardPage'),
  '/targets': page(() => import('./targets/TargetsPage'), 'TargetsPage'),
  '/service-discovery': page(() => import('./discovery/DiscoveryPage'), 'DiscoveryPage'),
  '/plugins': page(() => import('./plugins/PluginsPage'), 'PluginsPage'),
  '/tsdb-status': page(() => import('./status/TsdbPage'), 'TsdbPage'),
  '/stores': page(() => import('./status/StoresPage'), 'StoresPage'),
  '/status': page(() => import('./status/StatusPage'), 'StatusPage'),
  '/config': page(() => import('./status/ConfigPage'), 'ConfigPage'),
  '/flags': page(() => import('./status/FlagsPage'), 'FlagsPage'),
};

/** Addresses that lead to a page that has another name here. */
const LEADING: Record<string, string> = {
  '/': isAgent ? '/targets' : '/query',
  '/agent': '/status',
  '/alertmanager-discovery': '/status',
};

const leading = Object.entries(LEADING).map(([path, to]) =>
  createRoute({ getParentRoute: () => root, path, component: () => <Navigate to={to} replace /> }),
);

const pages = Object.entries(PAGES).map(([path, component]) =>
  createRoute({ getParentRoute: () => root, path, component }),
);

// The server answers `/` by leading to a page, and what stands behind `#` goes with it.
const linked = alertmanagerPage(window.location.hash);
if (linked !== undefined) window.history.replaceState(null, '', below(linked));

export const router = createRouter({
  routeTree: root.addChildren([...leading, ...pages]),
  basepath: basePath,
  parseSearch,
  stringifySearch,
  defaultPendingComponent: Loading,
  defaultErrorComponent: PageFailure,
});

keepPlaces(router);
