import { expect, it, vi } from 'vitest';
import type { AlertmanagerAlert } from '../api/silences';

vi.mock('../page', () => ({ hasAlertmanager: true, below: (path: string) => `/${path}` }));

it('an alert is found by the labels of its rule, whatever external labels it has', async () => {
  const { mutedOf } = await import('./muted');
  const alert = (fingerprint: string, labels: Record<string, string>): AlertmanagerAlert => ({
    fingerprint,
    labels,
    annotations: {},
    startsAt: '',
    status: { state: 'suppressed', silencedBy: ['s'], inhibitedBy: [] },
  });
  const find = mutedOf([
    alert('1', { alertname: 'Down', instance: 'a', cluster: 'eu' }),
    alert('2', { alertname: 'Down', instance: 'b', cluster: 'eu' }),
  ]);
  expect(find({ alertname: 'Down', instance: 'b' })?.fingerprint).toBe('2');
  expect(find({ alertname: 'Down', instance: 'c' })).toBeUndefined();
  expect(find({ alertname: 'Up', instance: 'a' })).toBeUndefined();
  expect(find({ alertname: 'Down', instance: 'a', job: 'x' })).toBeUndefined();
});
