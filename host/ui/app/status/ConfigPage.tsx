// The config that the server runs with; secrets are already left out by the server.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { RunningConfig } from '../api/status';
import { AlertmanagerConfig } from './AlertmanagerFacts';
import { CopyButton } from '../frame/CopyButton';
import { Loaded, Refresh } from '../frame/Loaded';
import { Page } from '../frame/Page';

export function ConfigPage() {
  const query = useQuery({
    queryKey: ['config'],
    queryFn: async ({ signal }) => (await get<RunningConfig>('status/config', {}, signal)).data,
  });
  return (
    <Page
      title="Configuration"
      actions={
        <>
          <CopyButton disabled={query.data === undefined} text={() => query.data?.yaml ?? ''} />
          <Refresh query={query} />
        </>
      }
    >
      <Loaded query={query}>
        {(config) => (
          <pre className="code exact" tabIndex={0} aria-label="Configuration">
            {config.yaml}
          </pre>
        )}
      </Loaded>
      <AlertmanagerConfig />
    </Page>
  );
}
