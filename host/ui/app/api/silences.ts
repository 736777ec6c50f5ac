// What `/api/v2` says of silences and alerts.
import type { Labels } from './labels';

export interface SilenceMatcher {
  name: string;
  value: string;
  isRegex: boolean;
  /** Missing means true. */
  isEqual?: boolean;
}

export interface Silence {
  id: string;
  status: { state: 'active' | 'pending' | 'expired' };
  matchers: SilenceMatcher[];
  startsAt: string;
  endsAt: string;
  updatedAt: string;
  createdBy: string;
  comment: string;
}

/** A silence that is to be made, or to take the place of the one with that id. */
export interface PostedSilence {
  id?: string;
  matchers: SilenceMatcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

export interface AlertmanagerAlert {
  fingerprint: string;
  labels: Labels;
  annotations: Labels;
  startsAt: string;
  /** Where the alert comes from, as its sender says. */
  generatorURL?: string;
  /** `active` or `suppressed`; by which silences, alerts (fingerprints) and time intervals. */
  status: { state: string; silencedBy: string[]; inhibitedBy: string[]; mutedBy?: string[] };
}

/** Alerts that a receiver is told of together. */
export interface AlertGroup {
  labels: Labels;
  receiver: { name: string };
  alerts: AlertmanagerAlert[];
}
