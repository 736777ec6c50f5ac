// Matchers of silences: as a text, in an address, and of an alert's labels.
import type { Labels } from '../api/labels';
import type { SilenceMatcher } from '../api/silences';
import { labelPairs, labelName, quote } from '../format/series';
import type { Search } from '../search';

export type Operator = '=' | '!=' | '=~' | '!~';

export const OPERATORS: Operator[] = ['=', '!=', '=~', '!~'];

export function operator(matcher: SilenceMatcher): Operator {
  const isEqual = matcher.isEqual ?? true;
  return matcher.isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
}

export function withOperator(matcher: SilenceMatcher, to: Operator): SilenceMatcher {
  return { ...matcher, isRegex: to.endsWith('~'), isEqual: !to.startsWith('!') };
}

/** `name="value"`, as Alertmanager reads it in filters. */
export function matcherText(matcher: SilenceMatcher): string {
  return `${labelName(matcher.name)}${operator(matcher)}${quote(matcher.value)}`;
}

/** The address's query of a new silence of an alert: a matcher for each of its labels. */
export function silenceOf(labels: Labels): Search {
  const name = labels.__name__ === undefined ? [] : [['__name__', labels.__name__] as const];
  const matchers = [...name, ...labelPairs(labels)].map(([label, value]) => ({
    name: label,
    value,
    isRegex: false,
    isEqual: true,
  }));
  return searchOf(matchers);
}

/** The address's query of a new silence with these matchers. */
export function searchOf(matchers: SilenceMatcher[]): Search {
  return { matchers: JSON.stringify(matchers) };
}

/** So many matchers are read from an address. */
const MATCHERS_MAX = 100;

/** The matchers of an address; none where it says none, or nonsense. */
export function readMatchers(search: Search): SilenceMatcher[] {
  let read: unknown;
  try {
    read = JSON.parse(search.matchers ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(read)) return [];
  return read.slice(0, MATCHERS_MAX).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { name, value, isRegex, isEqual } = one as Record<string, unknown>;
    if (typeof name !== 'string' || typeof value !== 'string') return [];
    return [{ name, value, isRegex: isRegex === true, isEqual: isEqual !== false }];
  });
}

/** What is wrong with the matchers of a silence; Alertmanager wants one that matches something. */
export function fault(matchers: SilenceMatcher[]): string | undefined {
  if (matchers.length === 0) return 'A silence needs at least one matcher.';
  if (matchers.some((matcher) => matcher.name.trim() === '')) return 'Each matcher needs a name.';
  const matchesNothing = (matcher: SilenceMatcher) => {
    const isEqual = matcher.isEqual ?? true;
    if (!matcher.isRegex) return (matcher.value === '') === isEqual;
    try {
      return new RegExp(`^(?:${matcher.value})$`).test('') === isEqual;
    } catch {
      // The server's expressions are another dialect; it says itself what is wrong.
      return false;
    }
  };
  return matchers.every(matchesNothing)
    ? 'At least one matcher must not match alerts that lack its label.'
    : undefined;
}
