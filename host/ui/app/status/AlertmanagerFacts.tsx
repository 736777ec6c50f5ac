// How the Alertmanager inside is: its cluster, and the config that it runs with.
import { useQuery } from '@tanstack/react-query';
import { alertmanager } from '../api/client';
import type { AlertmanagerStatus } from '../api/status';
import { CopyButton } from '../frame/CopyButton';
import { Loaded } from '../frame/Loaded';
import { hasAlertmanager } from '../page';

function useStatus() {
  return useQuery({
    queryKey: ['alertmanager-status'],
    enabled: hasAlertmanager,
    queryFn: ({ signal }) => alertmanager<AlertmanagerStatus>('GET', 'status', {}, undefined, signal),
  });
}

/** Whether others run beside it, and who. */
export function AlertmanagerCluster() {
  const query = useStatus();
  if (!hasAlertmanager) return null;
  return (
    <section className="card">
      <h2 className="small">Alertmanager inside</h2>
      <Loaded query={query}>
        {({ cluster }) => (
          <>
            <dl className="facts">
              <dt>Cluster</dt>
              <dd>{cluster.status}</dd>
              {cluster.name !== undefined && (
                <>
                  <dt>Name</dt>
                  <dd>{cluster.name}</dd>
                </>
              )}
            </dl>
            {cluster.peers.length > 0 && (
              <ul aria-label="Peers">
                {cluster.peers.map(({ name, address }) => (
                  <li key={`${name} ${address}`} className="mono wraps">
                    {name} {address}
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

/** Its config; secrets are already left out by the server. */
export function AlertmanagerConfig() {
  const query = useStatus();
  if (!hasAlertmanager) return null;
  return (
    <details className="card">
      <summary>
        <h2 className="small">Alertmanager</h2>
      </summary>
      <Loaded query={query}>
        {({ config }) => (
          <>
            <CopyButton name="Copy Alertmanager’s" text={() => config.original} />
            <pre className="code exact" tabIndex={0} aria-label="Configuration of the Alertmanager">
              {config.original}
            </pre>
          </>
        )}
      </Loaded>
    </details>
  );
}
