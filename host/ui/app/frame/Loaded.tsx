// What was asked of the server, once it is there; before that the wait, and otherwise the error.
import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { formatTime } from '../format/time';
import { readRefresh, useInterval, writeRefresh } from './autoRefresh';
import { Failure } from './Failure';
import { useParameter } from './Filter';
import { Icon } from './Icon';
import { Loading } from './Loading';
import { useLocalTime } from './preferences';
import { RefreshField } from './RefreshField';

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

type Asked = Pick<UseQueryResult, 'refetch' | 'isRefetching' | 'isFetching' | 'dataUpdatedAt'>;

/** Asks again at each press; where it `isAuto`, by itself too, as often as the address says. */
export function Refresh({ query, isAuto = false }: { query: Asked; isAuto?: boolean }) {
  return (
    <div className="tools">
      {isAuto && <AutoRefresh query={query} />}
      <Button
        variant="default"
        size={isAuto ? 'sm' : 'xs'}
        leftSection={<Icon name="refresh" size={14} />}
        loading={query.isRefetching && !isAuto}
        onClick={() => void query.refetch()}
      >
        Refresh
      </Button>
    </div>
  );
}

/** How long ago something was is said as of the time that stands here. */
function AutoRefresh({ query }: { query: Asked }) {
  const [isLocal] = useLocalTime();
  const [written, setWritten] = useParameter('refresh');
  const everyMs = readRefresh(written);
  useInterval(everyMs, () => query.isFetching, () => void query.refetch());
  return (
    <>
      {query.dataUpdatedAt > 0 && (
        <span className="quiet small moment">
          as of {formatTime(query.dataUpdatedAt, isLocal).slice('YYYY-MM-DD '.length)}
        </span>
      )}
      <RefreshField everyMs={everyMs} onChange={(ms) => setWritten(writeRefresh(ms))} />
    </>
  );
}
