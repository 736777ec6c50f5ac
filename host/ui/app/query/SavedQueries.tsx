// The queries that people keep on the server: to open, to hand on, to rename and to delete, and a
// field that keeps what the page shows now.
import { Alert, Button, Group, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError, change, get } from '../api/client';
import type { SavedQuery } from '../api/query';
import { hasWords } from '../format/words';
import { Filter } from '../frame/Filter';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { ago } from '../format/time';

const KEY = ['saved_queries'];

/** More of them than this are searched. */
const SEARCHED_MIN = 10;

/** So many are shown at first. */
const ROWS_STEP = 50;

type Act = { method: 'POST' | 'PUT' | 'DELETE'; path: string; params?: Record<string, string> };

function Entry(props: { saved: SavedQuery; panels: string; onAct: (act: Act) => void }) {
  const { saved, onAct } = props;
  const [name, setName] = useState<string>();
  const [isDeleting, setIsDeleting] = useState(false);
  const path = `saved_queries/${saved.id}`;
  if (name !== undefined) {
    return (
      <form
        className="tools"
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== saved.name) onAct({ method: 'PUT', path, params: { name } });
          setName(undefined);
        }}
      >
        <TextInput
          className="grows"
          size="sm"
          label="New name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button size="sm" type="submit" disabled={name.trim() === ''}>
          Rename
        </Button>
        <Button size="sm" variant="default" onClick={() => setName(undefined)}>
          Leave it
        </Button>
      </form>
    );
  }
  return (
    <Group justify="space-between" gap="xs">
      <span className="wraps">
        <Link to="/query" search={{ saved: saved.id }}>
          {saved.name}
        </Link>{' '}
        <span className="quiet small">{ago(saved.updatedAt, Date.now())}</span>
      </span>
      <Group gap="xs">
        {isDeleting ? (
          <>
            <Button size="compact-sm" color="red" onClick={() => onAct({ method: 'DELETE', path })}>
              Delete it for all
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => setIsDeleting(false)}>
              Keep it
            </Button>
          </>
        ) : (
          <>
            <Button
              size="compact-sm"
              variant="default"
              disabled={props.panels === '' || props.panels === saved.panels}
              aria-label={`Replace ${saved.name} by what the page shows`}
              onClick={() => onAct({ method: 'PUT', path, params: { panels: props.panels } })}
            >
              Replace
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Rename ${saved.name}`}
              onClick={() => setName(saved.name)}
            >
              Rename
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              color="red"
              aria-label={`Delete ${saved.name}`}
              onClick={() => setIsDeleting(true)}
            >
              Delete
            </Button>
          </>
        )}
      </Group>
    </Group>
  );
}

export function SavedQueries({ panels }: { panels: string }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [search, setSearch] = useState('');
  const query = useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await get<SavedQuery[]>('saved_queries', {}, signal)).data,
  });
  const act = useMutation({
    mutationFn: ({ method, path, params }: Act) => change<SavedQuery>(method, path, params),
    onSuccess: (_, { method }) => {
      if (method === 'POST') setName('');
    },
    // What is there may be known better after a refusal, too: somebody else was quicker.
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
  return (
    <section className="card" aria-label="Saved queries">
      <form
        className="tools"
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate({ method: 'POST', path: 'saved_queries', params: { name, panels } });
        }}
      >
        <TextInput
          className="grows"
          size="sm"
          label="Keep what the page shows as"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button
          type="submit"
          size="sm"
          loading={act.isPending}
          disabled={name.trim() === '' || panels === ''}
        >
          Save for all
        </Button>
      </form>
      {panels === '' && <p className="quiet small">Run a query first: there is nothing to keep yet.</p>}
      {act.error !== null && (
        <Alert color="red" variant="light" mt="sm" role="alert">
          <span className="wraps small">
            {act.error instanceof ApiError ? act.error.message : 'It did not work.'}
          </span>
        </Alert>
      )}
      <Loaded query={query}>
        {(all) => {
          const found = all.filter((one) => hasWords(search, [one.name, one.panels]));
          return (
            <div className="saved">
              {all.length === 0 && <p className="quiet small">No query is kept on the server yet.</p>}
              {all.length > SEARCHED_MIN && (
                <div className="tools">
                  <Filter label="Search them" value={search} onChange={setSearch} />
                </div>
              )}
              <More of={found} step={ROWS_STEP} name="queries">
                {(shown) => (
                  <ul className="plain" aria-label="Saved">
                    {shown.map((saved) => (
                      <li key={saved.id}>
                        <Entry saved={saved} panels={panels} onAct={act.mutate} />
                      </li>
                    ))}
                  </ul>
                )}
              </More>
            </div>
          );
        }}
      </Loaded>
    </section>
  );
}
