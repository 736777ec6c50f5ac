// What a plugin asks for, entry by entry, with what the operator has to know of each before it is
// installed. It asks the server nothing.
import type { GrantList, PluginOffer } from '../api/plugins';

/** One thing that a plugin wants to reach. */
export interface Capability {
  /** As it is written: `tcp db.example:5432`, or `state`. */
  text: string;
  /** Whether the version at work does not ask for it. */
  isMore: boolean;
  /** Whether the config does not grant it yet. */
  isUngranted: boolean;
}

/** The entries of a list of grants, each as one text. */
function entries(list: GrantList): string[] {
  return Object.entries(list).flatMap(([name, value]) => {
    if (typeof value === 'boolean') return value ? [name] : [];
    return value.map((entry) => `${name} ${entry}`);
  });
}

/** All that a package asks for; what is more than before comes first. */
export function capabilities(offer: PluginOffer): Capability[] {
  const more = new Set(offer.from === null ? [] : entries(offer.beyond));
  const ungranted = new Set(entries(offer.ungranted));
  const all = entries(offer.requests).map((text) => ({
    text,
    isMore: more.has(text),
    isUngranted: ungranted.has(text),
  }));
  return [...all.filter((one) => one.isMore), ...all.filter((one) => !one.isMore)];
}

/** What installing it is, in a sentence. */
export function step(offer: PluginOffer): string {
  if (offer.isInstalled) return `Version ${offer.version} is installed already.`;
  if (offer.from === null) return 'No version of it is installed.';
  if (offer.wasRolledBack) return `It was at work before ${offer.from}, which it would take the place of.`;
  if (offer.isDowngrade) return `It is not newer than ${offer.from}, which it would take the place of.`;
  return `It would take the place of ${offer.from}.`;
}
