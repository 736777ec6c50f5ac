// The flags that the server was started with.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Flags } from '../api/status';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Loaded } from '../frame/Loaded';
import { Page } from '../frame/Page';

export function FlagsPage() {
  const [text, setText] = useParameter('search');
  const query = useQuery({
    queryKey: ['flags'],
    queryFn: async ({ signal }) => (await get<Flags>('status/flags', {}, signal)).data,
  });
  return (
    <Page title="Flags">
      <div className="tools">
        <Filter label="Filter by name or value" value={text} onChange={setText} />
      </div>
      <Loaded query={query}>
        {(flags) => {
          const shown = Object.entries(flags)
            .filter((flag) => hasWords(text, flag))
            .sort(([a], [b]) => (a < b ? -1 : 1));
          return (
            <div className="wide">
              <table className="folds">
                <thead>
                  <tr>
                    <th scope="col">Flag</th>
                    <th scope="col">Value</th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map(([name, value]) => (
                    <tr key={name}>
                      <td data-name="Flag" className="mono wraps">--{name}</td>
                      <td data-name="Value" className="mono wraps">{value}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Loaded>
    </Page>
  );
}
