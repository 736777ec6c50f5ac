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

/** The signs that stand between a name and a value, the longer ones first. */
const SIGN = /^\s*(=~|!~|!=|=)\s*/;

/** A quoted text at the beginning of another, and how long it is with its quotes. */
function quoted(text: string): [string, number] | undefined {
  const match = /^"((?:[^"\\\n]|\\[^\n])*)"/.exec(text);
  if (match === null) return undefined;
  const plain = (match[1] ?? '').replace(/\\(.)/g, (whole, sign: string) => {
    if (sign === 'n') return '\n';
    // As in a regular expression, where it stands for itself.
    return sign === '"' || sign === '\\' ? sign : whole;
  });
  return [plain, match[0].length];
}

/**
 * Reads `{name="value", "na me"=~"a|b"}` as Alertmanager does, with or without braces and quotes;
 * `undefined` where it is something else.
 */
export function parseMatchers(text: string): SilenceMatcher[] | undefined {
  const braced = /^\s*\{([^]*)\}\s*$/.exec(text);
  let rest = (braced?.[1] ?? text).trim();
  const matchers: SilenceMatcher[] = [];
  while (rest !== '' && matchers.length < MATCHERS_MAX) {
    const [name, nameEnd] = quoted(rest) ?? bare(rest, /^[^\s{}!=~,"\\'`]+/);
    const sign = SIGN.exec(rest.slice(nameEnd));
    if (name === '' || sign === null) return undefined;
    rest = rest.slice(nameEnd + sign[0].length);
    const [value, valueEnd] = quoted(rest) ?? bare(rest, /^[^\s{},"\\'`]*/);
    rest = rest.slice(valueEnd).trim();
    matchers.push(withOperator({ name, value, isRegex: false }, sign[1] as Operator));
    if (rest === '') break;
    if (!rest.startsWith(',')) return undefined;
    rest = rest.slice(1).trim();
  }
  return matchers;
}

function bare(text: string, pattern: RegExp): [string, number] {
  const found = pattern.exec(text)?.[0] ?? '';
  return [found, found.length];
}

/**
 * The matchers of an address: our own, or Alertmanager's `filter`. None where it says none, or
 * nonsense.
 */
export function readMatchers(search: Search): SilenceMatcher[] {
  if (search.matchers === undefined) return parseMatchers(search.filter ?? '') ?? [];
  let read: unknown;
  try {
    read = JSON.parse(search.matchers);
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
