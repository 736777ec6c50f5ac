// The server cannot be reached: what was asked of it in vain is asked again when it can.
import { Alert } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError, isReady, NETWORK } from '../api/client';

/** How often the server is looked for, in milliseconds. */
const POLL_MS = 2000;

export function Away() {
  const client = useQueryClient();
  const { dataUpdatedAt } = useQuery({
    queryKey: ['away'],
    refetchInterval: POLL_MS,
    staleTime: 0,
    gcTime: 0,
    queryFn: ({ signal }) => isReady(signal),
  });
  useEffect(() => {
    if (dataUpdatedAt === 0) return;
    const predicate = ({ state, queryKey }: { state: { error: unknown }; queryKey: readonly unknown[] }) =>
      queryKey[0] !== 'away' && state.error instanceof ApiError && state.error.kind === NETWORK;
    void client.refetchQueries({ type: 'active', predicate }, { cancelRefetch: false });
  }, [dataUpdatedAt, client]);
  return (
    <Alert color="red" variant="light" title="The server cannot be reached" role="alert">
      What was asked is asked again as soon as it answers.
    </Alert>
  );
}
