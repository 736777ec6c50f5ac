// Addresses of other servers' pages that lead here: those of Alertmanager, which stand behind a `#`
// in notifications and people's notes.
import { parseSearch, type Search, stringifySearch } from './search';

/** Alertmanager leaves muted alerts out, unless its address asks for them. */
function state(search: Search): string | undefined {
  const asks = (name: string) => search[name] === 'true';
  const isAll = asks('silenced') || asks('inhibited') || asks('muted');
  if (search.active === 'false') return isAll ? 'suppressed' : undefined;
  return isAll ? 'all' : undefined;
}

/**
 * The path and query below the application's beginning of what stands behind `#` in an address of
 * Alertmanager; `undefined` where it is none of these.
 */
export function alertmanagerPage(hash: string): string | undefined {
  const match = /^#\/([^?]*)(\?.*)?$/.exec(hash);
  if (match === null) return undefined;
  const search = parseSearch(match[2] ?? '');
  const { filter, receiver, comment } = search;
  const path = (match[1] ?? '').replace(/\/+$/, '');
  const [page, part, verb] = path.split('/');
  const to = (name: string, query: Record<string, string | undefined>) =>
    `${name}${stringifySearch(query)}`;
  switch (page) {
    case '':
    case 'alerts':
      return to('alert-groups', { receiver, matchers: filter, state: state(search) });
    case 'silences':
      if (part === undefined) return to('silences', { matchers: filter });
      if (part === 'new') return to('silences/new', { filter, comment });
      return to(verb === 'edit' ? 'silences/new' : 'silences', { id: decoded(part) });
    case 'status':
    case 'settings':
      return 'status';
    default:
      return undefined;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
