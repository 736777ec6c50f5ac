// The dashboards that there are, and the files that are none.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { get } from '../api/client';
import type { DashboardEntry } from '../api/dashboards';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';

const DASHBOARDS_STEP = 100;

function from(entry: DashboardEntry): string {
  if (entry.source === 'narthex') return 'this server';
  return entry.source === 'plugin' ? `plugin ${entry.origin}` : entry.origin;
}

export function DashboardsPage() {
  const [text, setText] = useParameter('search');
  const query = useQuery({
    queryKey: ['dashboards'],
    queryFn: async ({ signal }) => (await get<DashboardEntry[]>('dashboards', {}, signal)).data,
  });
  return (
    <Page title="Dashboards" actions={<Refresh query={query} />}>
      <Loaded query={query}>
        {(entries) => {
          const shown = entries.filter((entry) =>
            hasWords(text, [entry.title, entry.name ?? '', entry.description, entry.project, from(entry)]),
          );
          return (
            <>
              <div className="tools">
                <Filter label="Filter by title, purpose or origin" value={text} onChange={setText} />
              </div>
              {shown.length === 0 && <p className="quiet">There is no such dashboard.</p>}
              <More of={shown} step={DASHBOARDS_STEP} name="dashboards">
                {(some) => (
                  <div className="wide">
                    <table className="folds">
                      <thead>
                        <tr>
                          <th scope="col">Dashboard</th>
                          <th scope="col">From</th>
                          <th scope="col" className="number">Panels</th>
                        </tr>
                      </thead>
                      <tbody>
                        {some.map((entry) => (
                          <tr key={`${entry.source} ${entry.origin} ${entry.title}`}>
                            <td data-name="Dashboard">
                              {entry.name === null ? (
                                <span className="wraps">{entry.title}</span>
                              ) : (
                                <Link
                                  to="/dashboards/$name"
                                  params={{ name: entry.name }}
                                  className="wraps"
                                >
                                  {entry.title}
                                </Link>
                              )}
                              {entry.description !== '' && (
                                <div className="quiet small wraps">{entry.description}</div>
                              )}
                              {entry.error !== null && <pre className="code bad">{entry.error}</pre>}
                            </td>
                            <td data-name="From" className="wraps">
                              {from(entry)}
                            </td>
                            <td data-name="Panels" className="number">
                              {entry.panels}
                            </td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </div>
                )}
              </More>
              <p className="quiet small">
                Files of the folder that <code>--web.dashboards-dir</code> names are found while the
                server runs.
              </p>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
