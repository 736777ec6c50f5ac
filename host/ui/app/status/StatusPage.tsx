// How the server was built, how it runs, and which Alertmanagers it tells of alerts.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Alertmanagers, BuildInfo, RuntimeInfo } from '../api/status';
import { formatTime } from '../format/time';
import { Loaded, Refresh } from '../frame/Loaded';
import { Page } from '../frame/Page';
import { useLocalTime } from '../frame/preferences';
import licenses from '../licenses.txt?url';
import { isAgent } from '../page';
import { AlertmanagerCluster } from './AlertmanagerFacts';

/** The names of people's words for the fields; others are shown as they are. */
const NAMES: Record<string, string> = {
  startTime: 'Started',
  serverTime: 'Time of the server',
  CWD: 'Working directory',
  hostname: 'Host',
  reloadConfigSuccess: 'Last reload of the config worked',
  lastConfigTime: 'Config loaded',
  corruptionCount: 'Corruptions of the WAL',
  goroutineCount: 'Tasks',
  GOMAXPROCS: 'Worker threads',
  storageRetention: 'Retention',
  version: 'Version of Prometheus’ interface',
  narthexVersion: 'Version',
  revision: 'Revision',
  branch: 'Branch',
};

/** What only Go has. */
const LEFT_OUT = new Set(['GOGC', 'GODEBUG', 'GOMEMLIMIT']);

function Facts({ facts }: { facts: Record<string, string | number | boolean> }) {
  const [isLocal] = useLocalTime();
  const shown = Object.entries(facts).filter(
    ([name, value]) => value !== '' && value !== null && !LEFT_OUT.has(name),
  );
  const text = (value: string | number | boolean) => {
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value);
    return isTime ? formatTime(Date.parse(value), isLocal) : String(value);
  };
  return (
    <dl className="facts">
      {shown.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{NAMES[name] ?? name}</dt>
          <dd>{text(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

export function StatusPage() {
  const query = useQuery({
    queryKey: ['status'],
    queryFn: async ({ signal }) => {
      const [build, runtime, alertmanagers] = await Promise.all([
        get<BuildInfo>('status/buildinfo', {}, signal),
        get<RuntimeInfo>('status/runtimeinfo', {}, signal),
        isAgent ? undefined : get<Alertmanagers>('alertmanagers', {}, signal),
      ]);
      return { build: build.data, runtime: runtime.data, alertmanagers: alertmanagers?.data };
    },
  });
  return (
    <Page title="Runtime and build" actions={<Refresh query={query} />}>
      <Loaded query={query}>
        {({ build, runtime, alertmanagers }) => (
          <>
            <section className="card">
              <h2 className="small">Runtime</h2>
              <Facts facts={runtime} />
            </section>
            <section className="card">
              <h2 className="small">Build</h2>
              <Facts facts={build} />
              <p className="small">
                <a href={licenses}>Licences of the packages that these pages are built of</a>
              </p>
            </section>
            {alertmanagers !== undefined && (
              <section className="card">
                <h2 className="small">Alertmanagers</h2>
                {alertmanagers.activeAlertmanagers.length === 0 && (
                  <p className="quiet">None is told of alerts by HTTP.</p>
                )}
                <ul>
                  {alertmanagers.activeAlertmanagers.map(({ url }) => (
                    <li key={url} className="mono wraps">{url}</li>
                  ))}
                  {alertmanagers.droppedAlertmanagers.map(({ url }) => (
                    <li key={url} className="mono wraps">
                      {url} <span className="quiet">(dropped)</span>
                    </li>
                  ))}
                </ul>
              </section>
            )}
            <AlertmanagerCluster />
          </>
        )}
      </Loaded>
    </Page>
  );
}
