// All that is known of a plugin: its version, its limits, what it asks for and what it was granted,
// its calls, its jobs, and the calls that ended an instance.
import { Button, Group } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post } from '../api/client';
import type { PluginDetail, PluginFailure, PluginJob } from '../api/plugins';
import { shortDuration } from '../format/duration';
import { formatBytes, formatCount } from '../format/number';
import { formatTime } from '../format/time';
import { Failure } from '../frame/Failure';
import { Loaded } from '../frame/Loaded';
import { useLocalTime } from '../frame/preferences';
import { PluginLog } from './PluginLog';
import { RemovePlugin } from './RemovePlugin';
import { askTimeUsed, type TimeUsed } from './used';

function counts(of: Record<string, number>): string {
  const entries = Object.entries(of).filter(([, count]) => count > 0);
  return entries.length === 0
    ? 'none'
    : entries.map(([name, count]) => `${name.replace('_', ' ')} ${formatCount(count)}`).join(', ');
}

function Facts({ plugin }: { plugin: PluginDetail }) {
  const facts: [string, string][] = [
    ['Version', plugin.version || 'none at work'],
    ['Kind', plugin.world],
    ['Digest', plugin.digest || 'none'],
    ['From', plugin.source || 'nowhere'],
    ['Signed by', plugin.signedBy ?? 'nobody'],
    ['Version before it', plugin.previousVersion ?? 'none'],
    ['Memory of an instance', `at most ${formatBytes(plugin.memoryLimitBytes)}`],
    ['Time of a call', plugin.timeoutSeconds === null ? 'not bounded' : `at most ${plugin.timeoutSeconds} s`],
    ['Calls at once', String(plugin.concurrency)],
    ['Calls', counts(plugin.calls)],
    ['Denied', counts(plugin.denied)],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, text]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What a plugin may reach that no grant of the config names. */
function ungranted(plugin: PluginDetail): string {
  return plugin.source === 'embedded'
    ? 'what it asks for, as it comes with the binary'
    : 'only what names its target or its plugin_config';
}

function Grants({ plugin }: { plugin: PluginDetail }) {
  const text = (value: unknown) =>
    typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return (
    <div className="grid">
      <section>
        <h3 className="small">It asks for</h3>
        <pre className="code">{text(plugin.requests)}</pre>
      </section>
      <section>
        <h3 className="small">It was granted</h3>
        <pre className="code">{plugin.grant === null ? ungranted(plugin) : text(plugin.grant)}</pre>
      </section>
    </div>
  );
}

/** What all calls of a job have taken, and one of them on the average. */
function timeText(used: TimeUsed | undefined): string {
  if (used === undefined || used.calls === 0) return '–';
  return `${shortDuration(used.seconds)}, ${shortDuration(used.seconds / used.calls)} a call`;
}

function Jobs({ name, jobs }: { name: string; jobs: PluginJob[] }) {
  const [isLocal] = useLocalTime();
  const used = useQuery({
    queryKey: ['plugin-time', name],
    queryFn: ({ signal }) => askTimeUsed(name, signal),
  });
  if (jobs.length === 0) return <p className="quiet small">It works for no job.</p>;
  return (
    <div className="wide">
      <table className="folds">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col" className="number">Running</th>
            <th scope="col" className="number">Waiting</th>
            <th scope="col" className="number">Memory</th>
            <th scope="col">Time of its calls</th>
            <th scope="col">Quarantined targets</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.name}>
              <td data-name="Job" className="wraps">{job.name}</td>
              <td data-name="Running" className="number">{job.running}</td>
              <td data-name="Waiting" className="number">{job.warmInstances}</td>
              <td data-name="Memory" className="number">{formatBytes(job.memoryBytes)}</td>
              <td data-name="Time of its calls" className="small">
                {timeText(used.data?.get(job.name))}
              </td>
              <td data-name="Quarantined targets">
                {job.quarantined.length === 0 && <span className="quiet">none</span>}
                {job.quarantined.map((one) => (
                  <div key={one.target} className="wraps small">
                    {one.target} until {formatTime(one.untilMs, isLocal)}: {one.error}
                  </div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Failures({ failures }: { failures: PluginFailure[] }) {
  const [isLocal] = useLocalTime();
  if (failures.length === 0) return null;
  return (
    <section>
      <h3 className="small">Calls that ended an instance</h3>
      {[...failures].reverse().map((failure, index) => (
        <div key={index}>
          <div className="small quiet">
            {formatTime(failure.timeMs, isLocal)} · {failure.job}
          </div>
          <pre className="code bad">
            {failure.backtrace === '' ? failure.error : `${failure.error}\n${failure.backtrace}`}
          </pre>
        </div>
      ))}
    </section>
  );
}

export function PluginFacts({ name, isAdmin }: { name: string; isAdmin: boolean }) {
  const client = useQueryClient();
  const path = `plugins/${encodeURIComponent(name)}`;
  const [isAsked, setIsAsked] = useState(false);
  const query = useQuery({
    queryKey: ['plugin', name],
    queryFn: async ({ signal }) => (await get<PluginDetail>(path, {}, signal)).data,
  });
  const act = useMutation({
    mutationFn: (action: 'reload' | 'rollback') => post<PluginDetail>(`${path}/${action}`),
    onSettled: () => {
      setIsAsked(false);
      return Promise.all([
        client.invalidateQueries({ queryKey: ['plugin', name] }),
        client.invalidateQueries({ queryKey: ['plugins'] }),
      ]);
    },
  });
  return (
    <Loaded query={query}>
      {(plugin) => (
        <>
          {isAdmin && (
            <Group gap="xs">
              <Button
                variant="default"
                size="xs"
                loading={act.isPending}
                onClick={() => act.mutate('reload')}
              >
                Reload
              </Button>
              {isAsked && plugin.previousVersion !== null ? (
                <>
                  <Button
                    color="red"
                    size="xs"
                    loading={act.isPending}
                    onClick={() => act.mutate('rollback')}
                  >
                    Put {plugin.previousVersion} in place of {plugin.version}
                  </Button>
                  <Button variant="default" size="xs" onClick={() => setIsAsked(false)}>
                    Keep {plugin.version}
                  </Button>
                </>
              ) : (
                <Button
                  variant="default"
                  size="xs"
                  disabled={plugin.previousVersion === null}
                  onClick={() => setIsAsked(true)}
                >
                  Roll back
                </Button>
              )}
              <RemovePlugin plugin={plugin} />
            </Group>
          )}
          {act.error !== null && <Failure error={act.error} />}
          <Facts plugin={plugin} />
          <Grants plugin={plugin} />
          <Jobs name={name} jobs={plugin.jobs} />
          <Failures failures={plugin.failures} />
          {isAdmin && <PluginLog name={name} />}
        </>
      )}
    </Loaded>
  );
}
