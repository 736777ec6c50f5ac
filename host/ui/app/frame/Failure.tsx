// Something did not work: what, and what the server says about it.
import { Alert, Button } from '@mantine/core';
import { ApiError, LOGGED_OUT, NETWORK, STARTING } from '../api/client';
import { Away } from './Away';
import { Starting } from './Starting';

function Reload() {
  return (
    <div>
      <Button variant="default" size="xs" mt="xs" onClick={() => window.location.reload()}>
        Load the page again
      </Button>
    </div>
  );
}

export function Failure({ error }: { error: unknown }) {
  if (error instanceof ApiError && error.kind === STARTING) return <Starting />;
  if (error instanceof ApiError && error.kind === NETWORK) return <Away />;
  const kind = error instanceof ApiError ? error.kind : 'error';
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="light" title={`Error: ${kind.replace('_', ' ')}`} role="alert">
      <span className="wraps">{text}</span>
      {kind === LOGGED_OUT && <Reload />}
    </Alert>
  );
}

/** A page that fails while it is drawn: the navigation stays. */
export function PageFailure({ error }: { error: unknown }) {
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="light" title="The page does not work" role="alert">
      <span className="wraps">{text}</span>
      <Reload />
    </Alert>
  );
}
