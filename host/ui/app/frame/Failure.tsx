// Something did not work: what, and what the server says about it.
import { Alert } from '@mantine/core';
import { ApiError } from '../api/client';

export function Failure({ error }: { error: unknown }) {
  const kind = error instanceof ApiError ? error.kind : 'error';
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="light" title={`Error: ${kind.replace('_', ' ')}`} role="alert">
      <span className="wraps">{text}</span>
    </Alert>
  );
}
