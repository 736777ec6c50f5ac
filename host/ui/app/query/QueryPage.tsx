// The page of queries: its panels are what its address says, and the other way round.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { get } from '../api/client';
import type { SavedQuery } from '../api/query';
import { readRefresh, writeRefresh } from '../frame/autoRefresh';
import { Failure } from '../frame/Failure';
import { Icon } from '../frame/Icon';
import { Loading } from '../frame/Loading';
import { Page } from '../frame/Page';
import { RefreshField } from '../frame/RefreshField';
import { load } from '../frame/load';
import { isAgent } from '../page';
import { parseSearch, type Search, stringifySearch } from '../search';
import { emptyPanel, type Panel, PANELS_MAX, readPanels, writePanels } from './panel';
import { PanelView } from './PanelView';
import { useTicks } from './refresh';
import './query.css';

const SavedQueries = lazy(async () => ({ default: (await load(() => import('./SavedQueries'))).SavedQueries }));

/** A panel with a name that stays its own when others come and go. */
interface Kept {
  id: number;
  panel: Panel;
}

let lastId = 0;
const keep = (panel: Panel): Kept => {
  lastId += 1;
  return { id: lastId, panel };
};

/** The address has the id of a saved query: its panels take the place of it. */
function OpenSaved({ id }: { id: string }) {
  const navigate = useNavigate();
  const query = useQuery({
    queryKey: ['saved_queries', 'open', id],
    staleTime: 0,
    gcTime: 0,
    queryFn: ({ signal }) =>
      get<SavedQuery>(`saved_queries/${encodeURIComponent(id)}`, {}, signal),
  });
  const panels = query.data?.data.panels;
  useEffect(() => {
    if (panels === undefined) return;
    // Read and written again, so that nothing but panels comes into the address.
    const search = writePanels(readPanels(parseSearch(panels)));
    void navigate({ to: '/query', search, replace: true });
  }, [panels, navigate]);
  return <Page title="Query">{query.error === null ? <Loading /> : <Failure error={query.error} />}</Page>;
}

function Panels({ search }: { search: Search }) {
  const navigate = useNavigate();
  const address = stringifySearch(search);
  const written = useRef(address);
  const [kept, setKept] = useState<Kept[]>(() => readPanels(search).map(keep));
  const [isSavedOpen, setIsSavedOpen] = useState(false);
  const everyMs = readRefresh(search.refresh);
  const ticks = useTicks(everyMs);

  // Somebody went back, or followed a link to this page.
  useEffect(() => {
    if (address === written.current) return;
    written.current = address;
    setKept(readPanels(search).map(keep));
  }, [address, search]);

  const go = (panels: Search, refreshMs: number | undefined) => {
    const refresh = writeRefresh(refreshMs);
    const to = refresh === '' ? panels : { ...panels, refresh };
    written.current = stringifySearch(to);
    void navigate({ to: '/query', search: to, resetScroll: false });
  };
  const change = (next: Kept[]) => {
    setKept(next);
    go(writePanels(next.map(({ panel }) => panel)), everyMs);
  };
  const shown = writePanels(kept.map(({ panel }) => panel));

  return (
    <Page
      title="Query"
      actions={
        <div className="tools">
          <RefreshField everyMs={everyMs} onChange={(ms) => go(shown, ms)} />
          <Button
            variant="default"
            size="sm"
            aria-expanded={isSavedOpen}
            onClick={() => setIsSavedOpen(!isSavedOpen)}
          >
            Saved queries
          </Button>
        </div>
      }
    >
      {isSavedOpen && (
        <Suspense fallback={<Loading />}>
          <SavedQueries panels={stringifySearch(shown).replace(/^\?/, '')} />
        </Suspense>
      )}
      {kept.map(({ id, panel }, index) => (
        <PanelView
          key={id}
          panel={panel}
          number={index + 1}
          ticks={ticks}
          onChange={(to) => change(kept.map((one) => (one.id === id ? { id, panel: to } : one)))}
          onDuplicate={() => {
            const next = [...kept];
            next.splice(index + 1, 0, keep(panel));
            change(next);
          }}
          onRemove={
            kept.length === 1 ? undefined : () => change(kept.filter((one) => one.id !== id))
          }
        />
      ))}
      <div>
        <Button
          variant="default"
          leftSection={<Icon name="plus" size={16} />}
          disabled={kept.length >= PANELS_MAX}
          onClick={() => change([...kept, keep(emptyPanel())])}
        >
          Add a query
        </Button>
      </div>
    </Page>
  );
}

export function QueryPage() {
  const search = useSearch({ strict: false }) as Search;
  if (isAgent) {
    return (
      <Page title="Query">
        <p>This server is an agent: it sends on what it scrapes, and answers no queries.</p>
      </Page>
    );
  }
  return search.saved === undefined ? <Panels search={search} /> : <OpenSaved id={search.saved} />;
}
