// A parsed query in words: what each node of its tree is, and what lies below it.
import type { SyntaxNode } from '../api/query';
import { formatDuration } from '../format/duration';
import { labelName, quote } from '../format/series';

export interface Explained {
  /** The node itself, short. */
  text: string;
  /** What it does, in a sentence. */
  meaning: string;
  /** What it selects, where it is a selector. */
  selector?: Selector;
  below: Explained[];
}

/** A selector as an expression of its own. */
export interface Selector {
  text: string;
  /** All series of its metric, where it asks for some of them alone. */
  metric?: string;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}

const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const list = (names: string[]) => names.map(labelName).join(', ');

interface Matcher {
  name: string;
  type: string;
  value: string;
}

/** The matchers of a selector but for that of its name. */
function matchersOf(node: SyntaxNode): Matcher[] {
  const matchers = Array.isArray(node.matchers) ? (node.matchers as Matcher[]) : [];
  return matchers.filter((one) => !(one.name === '__name__' && one.value === nameOf(node)));
}

const nameOf = (node: SyntaxNode) => (typeof node.name === 'string' ? node.name : '');

function selector(node: SyntaxNode): string {
  const name = nameOf(node);
  const matchers = matchersOf(node)
    .map((matcher) => `${labelName(matcher.name)}${matcher.type}${quote(matcher.value)}`);
  return matchers.length === 0 && name !== '' ? name : `${name}{${matchers.join(', ')}}`;
}

/** What can be asked of a selector by itself. Its name is written as a matcher: it may be any text. */
function selectorOf(node: SyntaxNode): Selector | undefined {
  if (node.type !== 'vectorSelector' && node.type !== 'matrixSelector') return undefined;
  const matchers = (Array.isArray(node.matchers) ? (node.matchers as Matcher[]) : [])
    .map((matcher) => `${labelName(matcher.name)}${matcher.type}${quote(matcher.value)}`);
  const at = shift(node).text;
  const isPart = nameOf(node) !== '' && matchersOf(node).length > 0;
  return {
    text: `{${matchers.join(', ')}}${at}`,
    metric: isPart ? `{__name__=${quote(nameOf(node))}}${at}` : undefined,
  };
}

function shift(node: SyntaxNode): { text: string; meaning: string } {
  const offset = Number(node.offset ?? 0);
  let text = '';
  let meaning = '';
  if (typeof node.timestamp === 'number') {
    text += ` @ ${node.timestamp / 1000}`;
    meaning += `, taken at ${new Date(node.timestamp).toISOString()}`;
  } else if (typeof node.startOrEnd === 'string') {
    text += ` @ ${node.startOrEnd}()`;
    meaning += `, taken at the ${node.startOrEnd} of the query`;
  }
  if (offset !== 0) {
    const length = formatDuration(Math.abs(offset));
    text += ` offset ${offset < 0 ? '-' : ''}${length}`;
    meaning += `, ${length} ${offset < 0 ? 'later' : 'earlier'}`;
  }
  return { text, meaning };
}

function aggregation(node: SyntaxNode): Omit<Explained, 'below'> {
  const labels = words(node.grouping);
  const isWithout = node.without === true;
  const clause = isWithout ? ` without (${list(labels)})` : labels.length > 0 ? ` by (${list(labels)})` : '';
  const groups = isWithout
    ? `one for each set of labels but ${list(labels) || 'none'}`
    : labels.length > 0
      ? `one for each ${list(labels)}`
      : 'one of all series';
  return { text: `${String(node.op)}${clause}`, meaning: `Aggregates: ${groups}.` };
}

function binary(node: SyntaxNode): Omit<Explained, 'below'> {
  const op = `${String(node.op)}${node.bool === true ? ' bool' : ''}`;
  if (typeof node.matching !== 'object' || node.matching === null) {
    return { text: op, meaning: 'Computes with each value and a scalar.' };
  }
  const matching = node.matching as { card: string; labels: unknown; on: boolean; include: unknown };
  const labels = words(matching.labels);
  const include = list(words(matching.include));
  const clause = matching.on
    ? ` on (${list(labels)})`
    : labels.length > 0
      ? ` ignoring (${list(labels)})`
      : '';
  const group =
    matching.card === 'many-to-one'
      ? ` group_left (${include})`
      : matching.card === 'one-to-many'
        ? ` group_right (${include})`
        : '';
  const by = matching.on
    ? `the labels ${list(labels) || 'none'}`
    : labels.length > 0
      ? `all labels but ${list(labels)}`
      : 'all labels';
  return { text: `${op}${clause}${group}`, meaning: `Pairs series ${matching.card}, by ${by}.` };
}

function describe(node: SyntaxNode): Omit<Explained, 'below'> {
  switch (node.type) {
    case 'aggregation':
      return aggregation(node);
    case 'binaryExpr':
      return binary(node);
    case 'call': {
      const func = node.func as { name: string; returnType: string };
      return { text: `${func.name}(…)`, meaning: `A function that returns a ${func.returnType}.` };
    }
    case 'matrixSelector': {
      const { text, meaning } = shift(node);
      const range = formatDuration(Number(node.range));
      return {
        text: `${selector(node)}[${range}]${text}`,
        meaning: `All samples of the last ${range} of these series${meaning}.`,
      };
    }
    case 'vectorSelector': {
      const { text, meaning } = shift(node);
      return {
        text: `${selector(node)}${text}`,
        meaning: `The newest sample of each of these series${meaning}.`,
      };
    }
    case 'subquery': {
      const { text, meaning } = shift(node);
      const range = formatDuration(Number(node.range));
      const step = Number(node.step) === 0 ? '' : formatDuration(Number(node.step));
      return {
        text: `[${range}:${step}]${text}`,
        meaning: `What is below, evaluated every ${step || 'default step'} over ${range}${meaning}.`,
      };
    }
    case 'unaryExpr':
      return { text: String(node.op), meaning: 'Changes the sign of each value, or leaves it.' };
    case 'parenExpr':
      return { text: '(…)', meaning: 'Only says what is computed first.' };
    case 'numberLiteral':
      return { text: String(node.val), meaning: 'A number.' };
    case 'stringLiteral':
      return { text: quote(String(node.val)), meaning: 'A text.' };
    default:
      return { text: node.type, meaning: '' };
  }
}

/** A node and all below it. */
export function explain(node: SyntaxNode): Explained {
  const below = [node.param, node.lhs, node.rhs, node.expr]
    .concat(Array.isArray(node.args) ? node.args : [])
    .filter(isNode);
  return { ...describe(node), selector: selectorOf(node), below: below.map(explain) };
}
