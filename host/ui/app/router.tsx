// Which path is which page. Each page is loaded when it is first opened.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
} from '@tanstack/react-router';
import { Failure } from './frame/Failure';
import { Frame } from './frame/Frame';
import { Loading } from './frame/Loading';
import { Page } from './frame/Page';
import { basePath, isAgent } from './page';
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
  errorComponent: ({ error }) => <Failure error={error} />,
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
});

const PAGES = {
  '/query': lazyRouteComponent(() => import('./query/QueryPage'), 'QueryPage'),
  '/alerts': lazyRouteComponent(() => import('./alerts/AlertsPage'), 'AlertsPage'),
  '/rules': lazyRouteComponent(() => import('./rules/RulesPage'), 'RulesPage'),
  '/silences': lazyRouteComponent(() => import('./silences/SilencesPage'), 'SilencesPage'),
  '/silences/new': lazyRouteComponent(() => import('./silences/SilencePage'), 'SilencePage'),
  '/dashboards': lazyRouteComponent(() => import('./dashboards/DashboardsPage'), 'DashboardsPage'),
  '/dashboards/$name': lazyRouteComponent(
    () => import('./dashboards/DashboardPage'),
    'DashboardPage',
  ),
  '/targets': lazyRouteComponent(() => import('./targets/TargetsPage'), 'TargetsPage'),
  '/service-discovery': lazyRouteComponent(
    () => import('./discovery/DiscoveryPage'),
    'DiscoveryPage',
  ),
  '/plugins': lazyRouteComponent(() => import('./plugins/PluginsPage'), 'PluginsPage'),
  '/tsdb-status': lazyRouteComponent(() => import('./status/TsdbPage'), 'TsdbPage'),
  '/status': lazyRouteComponent(() => import('./status/StatusPage'), 'StatusPage'),
  '/config': lazyRouteComponent(() => import('./status/ConfigPage'), 'ConfigPage'),
  '/flags': lazyRouteComponent(() => import('./status/FlagsPage'), 'FlagsPage'),
};

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: () => <Navigate to={isAgent ? '/targets' : '/query'} replace />,
});

const pages = Object.entries(PAGES).map(([path, component]) =>
  createRoute({ getParentRoute: () => root, path, component }),
);

export const router = createRouter({
  routeTree: root.addChildren([home, ...pages]),
  basepath: basePath,
  parseSearch,
  stringifySearch,
  defaultPendingComponent: Loading,
});
