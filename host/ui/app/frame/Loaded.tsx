// What was asked of the server, once it is there; before that the wait, and otherwise the error.
import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Failure } from './Failure';
import { Icon } from './Icon';
import { Loading } from './Loading';

export function Loaded<T>(props: {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}) {
  const { query } = props;
  if (query.isPending) return <Loading />;
  if (query.data === undefined) return <Failure error={query.error} />;
  return (
    <>
      {query.error !== null && <Failure error={query.error} />}
      {props.children(query.data)}
    </>
  );
}

/** Asks again. */
export function Refresh({ query }: { query: Pick<UseQueryResult, 'refetch' | 'isRefetching'> }) {
  return (
    <Button
      variant="default"
      size="xs"
      leftSection={<Icon name="refresh" size={14} />}
      loading={query.isRefetching}
      onClick={() => void query.refetch()}
    >
      Refresh
    </Button>
  );
}
