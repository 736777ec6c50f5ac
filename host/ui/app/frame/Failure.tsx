// Something did not work: what, and what the server says about it.
import { Alert } from '@mantine/core';
import { ApiError, STARTING } from '../api/client';
import { Starting } from './Starting';

export function Failure({ error }: { error: unknown }) {
  if (error instanceof ApiError && error.kind === STARTING) return <Starting />;
  const kind = error instanceof ApiError ? error.kind : 'error';
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="light" title={`Error: ${kind.replace('_', ' ')}`} role="alert">
      <span className="wraps">{text}</span>
    </Alert>
  );
}
