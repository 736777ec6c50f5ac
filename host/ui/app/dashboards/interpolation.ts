// Puts the values of variables into queries, names and texts. What stands between quotes of PromQL
// stays there: a value is a text that somebody's label has, whatever it holds.

/** The values of a variable. */
export interface VariableValue {
  texts: string[];
  /** A pattern that a person has written, or that stands for all values. */
  isPattern: boolean;
}

export type Values = ReadonlyMap<string, VariableValue>;

/** `$name`, `${name}`, `${name:format}` */
const REFERENCE = /\$(?:([a-zA-Z0-9_]+)|\{([a-zA-Z0-9_]+)(?::([a-z]+))?\})/y;

/** The names of the variables that a text refers to. */
export function references(text: string): string[] {
  const all = new RegExp(REFERENCE.source, 'g');
  return [...text.matchAll(all)].map((match) => match[1] ?? match[2] ?? '');
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** A text between these quotes of PromQL; nothing ends a raw string, so its quote is taken out. */
function escapeQuoted(text: string, quote: string): string {
  if (quote === '`') return text.replaceAll('`', '');
  const escaped = text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/\r/g, '\\r');
  return escaped.replaceAll(quote, `\\${quote}`);
}

function joined(value: VariableValue, format: string | undefined, isRegex: boolean): string {
  const { texts } = value;
  switch (format) {
    case 'csv':
    case 'raw':
    case 'text':
      return texts.join(',');
    case 'json':
      return JSON.stringify(texts);
    case 'pipe':
      return texts.join('|');
    case 'singlequote':
      return texts.map((one) => `'${escapeQuoted(one, "'")}'`).join(',');
    case 'doublequote':
      return texts.map((one) => `"${escapeQuoted(one, '"')}"`).join(',');
    case 'percentencode':
    case 'queryparam':
      return encodeURIComponent(texts.join(','));
    default: {
      const isEscaped = !value.isPattern && (isRegex || format === 'regex');
      const parts = isEscaped ? texts.map(escapeRegex) : texts;
      return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join('|')})`;
    }
  }
}

/** The reference at a place of a text, as what stands there and its value. */
function referenceAt(text: string, place: number, values: Values) {
  REFERENCE.lastIndex = place;
  const match = REFERENCE.exec(text);
  if (match === null) return undefined;
  const value = values.get(match[1] ?? match[2] ?? '');
  return value === undefined ? undefined : { length: match[0].length, value, format: match[3] };
}

/** A query with the values of its variables; a name that nobody knows stays as it is. */
export function interpolateQuery(query: string, values: Values): string {
  let out = '';
  let quote = '';
  // Whether the string that one is in is the pattern of a matcher.
  let isRegex = false;
  let place = 0;
  while (place < query.length) {
    const letter = query[place] ?? '';
    const found = letter === '$' ? referenceAt(query, place, values) : undefined;
    if (found !== undefined) {
      const written = joined(found.value, found.format, quote !== '' && isRegex);
      out += quote === '' ? written : escapeQuoted(written, quote);
      place += found.length;
      continue;
    }
    if (quote !== '' && quote !== '`' && letter === '\\') {
      out += query.slice(place, place + 2);
      place += 2;
      continue;
    }
    if (letter === quote) quote = '';
    else if (quote === '' && (letter === '"' || letter === "'" || letter === '`')) {
      quote = letter;
      isRegex = /[=!]~\s*$/.test(out);
    }
    out += letter;
    place += 1;
  }
  return out;
}

/** A text for people with the values of its variables. */
export function interpolateText(text: string, values: Values): string {
  let out = '';
  let place = 0;
  while (place < text.length) {
    const found = text[place] === '$' ? referenceAt(text, place, values) : undefined;
    if (found === undefined) {
      out += text[place];
      place += 1;
    } else {
      out += found.value.texts.join(', ');
      place += found.length;
    }
  }
  return out;
}
