// The alerts that the Alertmanager inside holds, of whichever server, in the groups in which receivers
// are told of them: which are muted, and by what. Rules and their own alerts are another page.
import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Annotations } from '../alerts/Annotations';
import { alertmanager } from '../api/client';
import type { AlertGroup, AlertmanagerAlert } from '../api/silences';
import { webAddress } from '../format/link';
import { seriesName } from '../format/series';
import { formatTime } from '../format/time';
import { Choice } from '../frame/Choice';
import { Filter, useParameter } from '../frame/Filter';
import { LabelList } from '../frame/LabelList';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { useLocalTime } from '../frame/preferences';
import { StateMark } from '../frame/StateMark';
import { hasAlertmanager } from '../page';
import { distinct, isSuppressed, readWanted, shownGroups } from './alertGroups';
import { silenceOf } from './matchers';
import { MatcherFilter, useMatchers } from './MatcherFilter';
import { NoAlertmanager } from './NoAlertmanager';

const GROUPS_STEP = 50;
const ALERTS_STEP = 50;

type ByFingerprint = ReadonlyMap<string, AlertmanagerAlert>;

/** Why nobody is told of an alert. */
function Reasons({ alert, all }: { alert: AlertmanagerAlert; all: ByFingerprint }) {
  const { silencedBy, inhibitedBy, mutedBy = [] } = alert.status;
  return (
    <>
      {silencedBy.map((id) => (
        <div key={id} className="small">
          <Link to="/silences" search={{ id }}>
            silenced
          </Link>
        </div>
      ))}
      {inhibitedBy.map((fingerprint) => (
        <div key={fingerprint} className="small wraps">
          inhibited by {seriesName(all.get(fingerprint)?.labels ?? { fingerprint })}
        </div>
      ))}
      {mutedBy.map((interval) => (
        <div key={interval} className="small wraps">
          muted by the time interval {interval}
        </div>
      ))}
    </>
  );
}

function Row({ alert, all }: { alert: AlertmanagerAlert; all: ByFingerprint }) {
  const [isLocal] = useLocalTime();
  const source = webAddress(alert.generatorURL ?? '');
  return (
    <tr>
      <td data-name="Labels">
        <LabelList labels={alert.labels} />
        <Annotations annotations={alert.annotations} />
      </td>
      <td data-name="State">
        <StateMark state={isSuppressed(alert) ? 'suppressed' : 'firing'} />
        <Reasons alert={alert} all={all} />
      </td>
      <td data-name="Since" className="small">
        {formatTime(Date.parse(alert.startsAt), isLocal)}
      </td>
      <td data-name="Links">
        <Link to="/silences/new" search={silenceOf(alert.labels)}>
          Silence
        </Link>
        {source !== undefined && (
          <>
            {' '}
            <a href={source} target="_blank" rel="noopener noreferrer">
              Source
            </a>
          </>
        )}
      </td>
    </tr>
  );
}

function Group({ group, all }: { group: AlertGroup; all: ByFingerprint }) {
  const { labels, receiver, alerts } = group;
  return (
    <details className="card lazy" open={alerts.length <= ALERTS_STEP}>
      <summary>
        <h2 className="mono wraps">{seriesName(labels)}</h2>{' '}
        <span className="quiet small wraps">
          {alerts.length} {alerts.length === 1 ? 'alert' : 'alerts'} · {receiver.name}
        </span>
      </summary>
      <Stack gap="sm" mt="sm">
        {Object.keys(labels).length > 0 && (
          <div>
            <Link to="/silences/new" search={silenceOf(labels)}>
              Silence the group
            </Link>
          </div>
        )}
        <More of={alerts} step={ALERTS_STEP} name="alerts">
          {(shown) => (
            <div className="wide">
              <table className="folds">
                <thead>
                  <tr>
                    <th scope="col">Labels</th>
                    <th scope="col">State</th>
                    <th scope="col">Since</th>
                    <th scope="col">Links</th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((alert) => (
                    <Row key={alert.fingerprint} alert={alert} all={all} />
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </More>
      </Stack>
    </details>
  );
}

export function AlertGroupsPage() {
  const [words, setWords] = useParameter('search');
  const [state, setState] = useParameter('state');
  const [receiver, setReceiver] = useParameter('receiver');
  const filter = useMatchers();
  const query = useQuery({
    queryKey: ['alert-groups', filter],
    enabled: hasAlertmanager,
    queryFn: ({ signal }) =>
      alertmanager<AlertGroup[]>('GET', 'alerts/groups', { filter }, undefined, signal),
  });
  if (!hasAlertmanager) return <NoAlertmanager title="Alert groups" />;
  return (
    <Page title="Alert groups" actions={<Refresh query={query} isAuto />}>
      {/* Not with what it asks for: who wrote what the server does not take writes something else there. */}
      <div className="tools">
        <MatcherFilter />
      </div>
      <Loaded query={query}>
        {(groups) => {
          const all = distinct(groups);
          const receivers = [...new Set(groups.map((group) => group.receiver.name))].sort();
          const wanted = readWanted(state);
          const mute = [...all.values()].filter(isSuppressed).length;
          const shown = shownGroups(groups, wanted, words).filter(
            (group) => receiver === '' || group.receiver.name === receiver,
          );
          return (
            <>
              <div className="tools">
                <Filter label="Filter by label or annotation" value={words} onChange={setWords} />
                <Choice
                  label="State"
                  value={wanted === 'firing' ? '' : wanted}
                  onChange={setState}
                  options={[
                    { value: '', label: `firing (${all.size - mute})` },
                    { value: 'suppressed', label: `suppressed (${mute})` },
                    { value: 'all', label: `All (${all.size})` },
                  ]}
                />
                <Choice
                  label="Receiver"
                  value={receiver}
                  onChange={setReceiver}
                  options={[
                    { value: '', label: 'All' },
                    ...receivers.map((name) => ({ value: name, label: name })),
                  ]}
                />
              </div>
              {shown.length === 0 && (
                <p className="quiet">
                  {groups.length === 0 ? 'Alertmanager holds no such alerts.' : 'No alert fits the filter.'}
                </p>
              )}
              <More of={shown} step={GROUPS_STEP} name="groups">
                {(some) =>
                  some.map((group) => (
                    <Group
                      key={`${group.receiver.name}\n${seriesName(group.labels)}`}
                      group={group}
                      all={all}
                    />
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
