// The plugins: what each is, how it is, and what it may reach.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { PluginSummary } from '../api/plugins';
import type { Flags } from '../api/status';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { InstallPlugin } from './InstallPlugin';
import { PluginCard } from './PluginCard';

const PLUGINS_STEP = 50;

/** Those that have something to say come first; the waiting ones are those that nobody asked for. */
function ordered(plugins: PluginSummary[]): PluginSummary[] {
  const rank = (plugin: PluginSummary) => {
    if (plugin.lastError !== null) return 0;
    return plugin.state === 'waiting' ? 2 : 1;
  };
  return [...plugins].sort((a, b) => rank(a) - rank(b));
}

export function PluginsPage() {
  const [text, setText] = useParameter('search');
  const query = useQuery({
    queryKey: ['plugins'],
    queryFn: async ({ signal }) => {
      const [plugins, flags] = await Promise.all([
        get<PluginSummary[]>('plugins', {}, signal),
        get<Flags>('status/flags', {}, signal),
      ]);
      return { plugins: plugins.data, isAdmin: flags.data['web.enable-admin-api'] === 'true' };
    },
  });
  return (
    <Page title="Plugins" actions={<Refresh query={query} />}>
      <Loaded query={query}>
        {({ plugins, isAdmin }) => {
          const shown = ordered(plugins).filter((plugin) =>
            hasWords(text, [plugin.name, plugin.description, plugin.state, ...plugin.jobs]),
          );
          return (
            <>
              <div className="tools">
                <Filter label="Filter by name, purpose, state or job" value={text} onChange={setText} />
              </div>
              {!isAdmin && (
                <p className="quiet small">
                  Logs, reload, roll-back, installation and removal need the flag{' '}
                  <code>--web.enable-admin-api</code>.
                </p>
              )}
              {isAdmin && <InstallPlugin />}
              {shown.length === 0 && <p className="quiet">There is no such plugin.</p>}
              <More of={shown} step={PLUGINS_STEP} name="plugins">
                {(some) =>
                  some.map((plugin) => (
                    <PluginCard key={plugin.name} plugin={plugin} isAdmin={isAdmin} />
                  ))
                }
              </More>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
