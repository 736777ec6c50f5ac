// What a plugin has said lately.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { PluginLogLine } from '../api/plugins';
import { formatTime } from '../format/time';
import { Loaded, Refresh } from '../frame/Loaded';
import { useLocalTime } from '../frame/preferences';

export function PluginLog({ name }: { name: string }) {
  const [isLocal] = useLocalTime();
  const query = useQuery({
    queryKey: ['plugin-log', name],
    queryFn: async ({ signal }) =>
      (await get<PluginLogLine[]>(`plugins/${encodeURIComponent(name)}/logs`, {}, signal)).data,
  });
  const line = (one: PluginLogLine) =>
    [formatTime(one.timeMs, isLocal), one.level, one.job, one.message]
      .filter((part) => part !== '')
      .join(' ');
  return (
    <section>
      <h3 className="small">
        Log <Refresh query={query} />
      </h3>
      <Loaded query={query}>
        {(lines) => (
          <pre className="code" tabIndex={0} aria-label={`Log of ${name}`}>
            {lines.length === 0 ? 'It has said nothing.' : lines.map(line).join('\n')}
          </pre>
        )}
      </Loaded>
    </section>
  );
}
