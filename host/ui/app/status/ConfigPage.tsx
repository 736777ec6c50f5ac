// The config that the server runs with; secrets are already left out by the server.
import { Button } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { RunningConfig } from '../api/status';
import { Loaded, Refresh } from '../frame/Loaded';
import { Page } from '../frame/Page';

export function ConfigPage() {
  const clipboard = useClipboard();
  const query = useQuery({
    queryKey: ['config'],
    queryFn: async ({ signal }) => (await get<RunningConfig>('status/config', {}, signal)).data,
  });
  return (
    <Page
      title="Configuration"
      actions={
        <>
          <Button
            variant="default"
            size="xs"
            disabled={query.data === undefined}
            onClick={() => clipboard.copy(query.data?.yaml ?? '')}
          >
            {clipboard.copied ? 'Copied' : 'Copy'}
          </Button>
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
    </Page>
  );
}
