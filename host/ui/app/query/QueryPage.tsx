// The page of queries: its panels are what its address says, and the other way round.
import { Button } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { Icon } from '../frame/Icon';
import { Page } from '../frame/Page';
import { isAgent } from '../page';
import { type Search, stringifySearch } from '../search';
import { emptyPanel, type Panel, PANELS_MAX, readPanels, writePanels } from './panel';
import { PanelView } from './PanelView';
import './query.css';

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

export function QueryPage() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const address = stringifySearch(search);
  const written = useRef(address);
  const [kept, setKept] = useState<Kept[]>(() => readPanels(search).map(keep));

  // Somebody went back, or followed a link to this page.
  useEffect(() => {
    if (address === written.current) return;
    written.current = address;
    setKept(readPanels(search).map(keep));
  }, [address, search]);

  const change = (next: Kept[]) => {
    setKept(next);
    const to = writePanels(next.map(({ panel }) => panel));
    written.current = stringifySearch(to);
    void navigate({ to: '/query', search: to });
  };

  if (isAgent) {
    return (
      <Page title="Query">
        <p>This server is an agent: it sends on what it scrapes, and answers no queries.</p>
      </Page>
    );
  }
  return (
    <Page title="Query">
      {kept.map(({ id, panel }, index) => (
        <PanelView
          key={id}
          panel={panel}
          number={index + 1}
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
