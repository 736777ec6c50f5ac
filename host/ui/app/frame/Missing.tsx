// What a page shows where the server has nothing for it, as far as it has said. One that is still starting
// does not know yet, and is waited for.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { isReady } from '../api/client';
import { Loaded } from './Loaded';
import { Page } from './Page';
import { Starting } from './Starting';

export function Missing({ title, children }: { title: string; children: ReactNode }) {
  const query = useQuery({
    queryKey: ['is-ready'],
    staleTime: 0,
    queryFn: ({ signal }) => isReady(signal),
  });
  return (
    <Page title={title}>
      <Loaded query={query}>{(ready) => (ready ? children : <Starting />)}</Loaded>
    </Page>
  );
}
