// A label of an answer as a matcher of the expression that gave it: what a press on it does.
import { parser } from '@prometheus-io/lezer-promql';
import { labelName, quote } from '../format/series';

export type MatchOperator = '=' | '!=';

/** Where a matcher is put into a text, or in place of what. */
interface Change {
  from: number;
  to: number;
  insert: string;
}

/** The name of a matcher, without the quotes that it may have. */
function nameOf(text: string): string {
  if (!/^["'`]/.test(text)) return text;
  try {
    return text.startsWith('"') ? String(JSON.parse(text)) : text.slice(1, -1);
  } catch {
    return text.slice(1, -1);
  }
}

/**
 * The expression with a matcher in each of its selectors. What a selector asks of the label by `=`,
 * and what is the opposite, gives way to it; one that has the matcher already stays as it is. Where
 * nothing can be added, the expression comes back as it was.
 */
export function addMatcher(
  expr: string,
  label: string,
  operator: MatchOperator,
  value: string,
): string {
  const matcher = `${labelName(label)}${operator}${quote(value)}`;
  const changes: Change[] = [];
  parser.parse(expr).iterate({
    enter: ({ name, node }) => {
      if (name !== 'VectorSelector') return;
      const list = node.getChild('LabelMatchers');
      if (list === null) {
        changes.push({ from: node.to, to: node.to, insert: `{${matcher}}` });
        return;
      }
      // One that is still being written has no end to put anything before.
      if (expr[list.to - 1] !== '}') return;
      const matchers = [
        ...list.getChildren('UnquotedLabelMatcher'),
        ...list.getChildren('QuotedLabelMatcher'),
      ].map((one) => {
        const text = expr.slice(one.from, one.to);
        const first = one.firstChild;
        const operatorNode = one.getChild('MatchOp');
        return {
          from: one.from,
          to: one.to,
          text,
          name: first === null ? '' : nameOf(expr.slice(first.from, first.to)),
          operator: operatorNode === null ? '' : expr.slice(operatorNode.from, operatorNode.to),
        };
      });
      const same = matchers.filter((one) => one.name === label);
      if (same.some((one) => one.text === matcher)) return;
      const opposite = `${labelName(label)}!=${quote(value)}`;
      const replaced = same.find((one) => one.operator === '=' || one.text === opposite);
      if (replaced !== undefined) {
        changes.push({ from: replaced.from, to: replaced.to, insert: matcher });
        return;
      }
      const inside = expr.slice(list.from + 1, list.to - 1).trimEnd();
      const comma = inside === '' || inside.endsWith(',') ? '' : ',';
      const at = list.from + 1 + inside.length;
      const space = inside === '' ? '' : ' ';
      changes.push({ from: at, to: at, insert: `${comma}${space}${matcher}` });
    },
  });
  // From the end, so that the places before it stay what they are.
  return changes
    .sort((a, b) => b.from - a.from)
    .reduce((text, { from, to, insert }) => text.slice(0, from) + insert + text.slice(to), expr);
}
