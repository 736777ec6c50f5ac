import { expect, it } from 'vitest';
import { alertmanagerPage } from './links';

it.each([
  ['', undefined],
  ['#top', undefined],
  ['#/nothing', undefined],
  ['#/', 'alert-groups'],
  ['#/alerts', 'alert-groups'],
  // What notifications have.
  ['#/alerts?receiver=team%2Fa', 'alert-groups?receiver=team%2Fa'],
  [
    '#/alerts?silenced=false&inhibited=false&muted=false&active=true&filter=%7Balertname%3D%22A%22%7D',
    'alert-groups?matchers=%7Balertname%3D%22A%22%7D',
  ],
  ['#/alerts?silenced=true', 'alert-groups?state=all'],
  ['#/alerts?silenced=true&active=false', 'alert-groups?state=suppressed'],
  ['#/silences', 'silences'],
  ['#/silences?filter=%7Ba%3D%22b%22%7D', 'silences?matchers=%7Ba%3D%22b%22%7D'],
  ['#/silences/new?filter=%7Ba%3D%22b%22%7D&comment=why', 'silences/new?filter=%7Ba%3D%22b%22%7D&comment=why'],
  ['#/silences/new/', 'silences/new'],
  ['#/silences/5b-1', 'silences?id=5b-1'],
  ['#/silences/5b-1/edit', 'silences/new?id=5b-1'],
  ['#/silences/%zz', 'silences?id=%25zz'],
  ['#/status', 'status'],
])('%s leads to %s', (hash, page) => {
  expect(alertmanagerPage(hash)).toBe(page);
});
