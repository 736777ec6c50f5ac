// Those from whom a querier answers: which are there, what they have, and what is wrong with the others.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Store, Stores } from '../api/status';
import { ago, formatTime } from '../format/time';
import { LabelList } from '../frame/LabelList';
import { Loaded, Refresh } from '../frame/Loaded';
import { Missing } from '../frame/Missing';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { useLocalTime } from '../frame/preferences';
import { StateMark } from '../frame/StateMark';
import { hasFleet } from '../page';

const STORES_STEP = 100;

/** What has no bound says so with the end of all time, which no date can be. */
const TIME_MS_MAX = 8_640_000_000_000_000;

function bound(timeMs: number, isLocal: boolean, open: string): string {
  if (timeMs === 0) return '–';
  return Math.abs(timeMs) > TIME_MS_MAX ? open : formatTime(timeMs, isLocal);
}

function Row({ store, nowMs }: { store: Store; nowMs: number }) {
  const [isLocal] = useLocalTime();
  const isDown = store.lastError !== null;
  return (
    <tr>
      <td data-name="Endpoint" className="wraps">
        {store.name}
        {isDown && (
          <pre className="code bad" aria-label="Last error">
            {store.lastError}
          </pre>
        )}
      </td>
      <td data-name="Labels">
        {store.labelSets.map((labels) => (
          <LabelList key={JSON.stringify(labels)} labels={labels} />
        ))}
      </td>
      <td data-name="Samples from" className="small">
        {bound(store.minTime, isLocal, 'the beginning')}
      </td>
      <td data-name="Samples to" className="small">
        {bound(store.maxTime, isLocal, 'now')}
      </td>
      <td data-name="Last check" className="small">
        {store.lastCheck === null ? 'never' : ago(store.lastCheck, nowMs)}
      </td>
      <td data-name="State">
        <StateMark state={isDown ? 'down' : store.lastCheck === null ? 'unknown' : 'up'} />
      </td>
    </tr>
  );
}

function Kind({ name, stores, nowMs }: { name: string; stores: Store[]; nowMs: number }) {
  const up = stores.filter((store) => store.lastError === null).length;
  return (
    <section className="card" aria-label={name}>
      <h2 className="small">{name}</h2>
      <p className={`small ${up === stores.length ? 'good' : 'bad'}`}>
        {up} of {stores.length} up
      </p>
      <More of={stores} step={STORES_STEP} name="stores">
        {(shown) => (
          <div className="wide">
            <table className="folds">
              <thead>
                <tr>
                  {['Endpoint', 'Labels', 'Samples from', 'Samples to', 'Last check', 'State'].map((text) => (
                    <th key={text} scope="col">
                      {text}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {shown.map((store) => (
                  <Row key={store.name} store={store} nowMs={nowMs} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </More>
    </section>
  );
}

export function StoresPage() {
  const query = useQuery({
    queryKey: ['stores'],
    enabled: hasFleet,
    queryFn: async ({ signal }) => (await get<Stores>('stores', {}, signal)).data,
  });
  if (!hasFleet) {
    return (
      <Missing title="Stores">
        <p>This server answers from its own store. One that asks others, a querier, lists them here.</p>
      </Missing>
    );
  }
  return (
    <Page title="Stores" actions={<Refresh query={query} isAuto />}>
      <Loaded query={query}>
        {(stores) => (
          <>
            {Object.keys(stores).length === 0 && <p className="quiet">It knows of no store.</p>}
            {Object.entries(stores)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([name, some]) => (
                <Kind key={name} name={name} stores={some} nowMs={query.dataUpdatedAt} />
              ))}
          </>
        )}
      </Loaded>
    </Page>
  );
}
