import { expect, it } from 'vitest';
import type { PluginOffer } from '../api/plugins';
import { capabilities, step } from './offer';

const OFFER: PluginOffer = {
  name: 'redis',
  version: '2.0.0',
  world: 'exporter',
  description: '',
  digest: 'sha256:0',
  componentBytes: 1,
  files: [],
  signedBy: null,
  refused: null,
  from: '1.0.0',
  isInstalled: false,
  isDowngrade: false,
  wasRolledBack: false,
  requests: { tcp: ['${target.host}:6379', 'db.example:5432'], state: true },
  beyond: { tcp: ['db.example:5432'] },
  ungranted: { tcp: ['db.example:5432'], state: true },
  paste: '',
  approve: 'sha256:1',
  changed: false,
};

it('what is asked for beyond the version at work comes first, with what is not granted', () => {
  expect(capabilities(OFFER)).toEqual([
    { text: 'tcp db.example:5432', isMore: true, isUngranted: true },
    { text: 'tcp ${target.host}:6379', isMore: false, isUngranted: false },
    { text: 'state', isMore: false, isUngranted: true },
  ]);
});

it('where nothing is installed nothing is more than before', () => {
  const first = { ...OFFER, from: null, beyond: OFFER.requests };
  expect(capabilities(first).map((one) => one.isMore)).toEqual([false, false, false]);
});

it('a step says which version it is from', () => {
  expect(step({ ...OFFER, from: null })).toMatch(/No version/);
  expect(step(OFFER)).toBe('It would take the place of 1.0.0.');
  expect(step({ ...OFFER, isDowngrade: true })).toMatch(/not newer than 1\.0\.0/);
  expect(step({ ...OFFER, isDowngrade: true, wasRolledBack: true })).toMatch(/at work before 1\.0\.0/);
  expect(step({ ...OFFER, isInstalled: true })).toBe('Version 2.0.0 is installed already.');
});
