import { expect, it } from 'vitest';
import type { AlertGroup, AlertmanagerAlert } from '../api/silences';
import { distinct, readWanted, shownGroups } from './alertGroups';

const alert = (fingerprint: string, state: string): AlertmanagerAlert => ({
  fingerprint,
  labels: { alertname: fingerprint, severity: 'page' },
  annotations: { summary: `It is ${fingerprint}` },
  startsAt: '2026-01-01T00:00:00Z',
  status: { state, silencedBy: [], inhibitedBy: [], mutedBy: [] },
});
const group = (name: string, ...alerts: AlertmanagerAlert[]): AlertGroup => ({
  labels: { alertname: name },
  receiver: { name: 'team' },
  alerts,
});
const [down, slow] = [alert('Down', 'active'), alert('Slow', 'suppressed')];
const groups = [group('a', down, slow), group('b', slow)];

it.each([
  ['', '', [['a', ['Down']]]],
  ['nonsense', 'severity=page', [['a', ['Down']]]],
  ['suppressed', '', [['a', ['Slow']], ['b', ['Slow']]]],
  ['all', '', [['a', ['Down', 'Slow']], ['b', ['Slow']]]],
  ['all', 'is slow', [['a', ['Slow']], ['b', ['Slow']]]],
  ['all', 'nobody', []],
])('state %j with the words %j', (state, words, shown) => {
  const found = shownGroups(groups, readWanted(state), words);
  expect(found.map(({ labels, alerts }) => [labels.alertname, alerts.map((one) => one.fingerprint)])).toEqual(shown);
});

it('counts an alert once, however many receivers it has', () => {
  expect([...distinct(groups).keys()]).toEqual(['Down', 'Slow']);
});
