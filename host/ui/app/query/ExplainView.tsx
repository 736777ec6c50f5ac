// The tree of an expression, each node with what it does, and each selector with what it finds.
import { useQuery } from '@tanstack/react-query';
import { post } from '../api/client';
import type { SyntaxNode } from '../api/query';
import { Loaded } from '../frame/Loaded';
import { SelectorCounts } from './SelectorCounts';
import { type Explained, explain } from './syntax';

/** The series of so many selectors are counted: each costs the server queries. */
const SELECTORS_MAX = 10;

/** The selectors of a tree whose series are counted. */
function counted(node: Explained): Explained[] {
  const all = (one: Explained): Explained[] => [one, ...one.below.flatMap(all)];
  return all(node)
    .filter((one) => one.selector !== undefined)
    .slice(0, SELECTORS_MAX);
}

interface NodeProps {
  node: Explained;
  withCounts: Explained[];
  endMs: number | undefined;
}

function Node({ node, withCounts, endMs }: NodeProps) {
  return (
    <li>
      <span className="text">{node.text}</span>{' '}
      <span className="quiet small">{node.meaning}</span>
      {node.selector !== undefined && withCounts.includes(node) && (
        <SelectorCounts selector={node.selector} endMs={endMs} />
      )}
      {node.below.length > 0 && (
        <ul>
          {node.below.map((one, index) => (
            <Node key={index} node={one} withCounts={withCounts} endMs={endMs} />
          ))}
        </ul>
      )}
    </li>
  );
}

export function ExplainView({ expr, endMs }: { expr: string; endMs: number | undefined }) {
  const query = useQuery({
    queryKey: ['parse_query', expr],
    enabled: expr !== '',
    queryFn: ({ signal }) => post<SyntaxNode>('parse_query', { query: expr }, signal),
  });
  if (expr === '') return <p className="quiet">Nothing was asked yet.</p>;
  return (
    <Loaded query={query}>
      {(answer) => {
        const tree = explain(answer.data);
        return (
          <ul className="tree" aria-label="Syntax tree">
            <Node node={tree} withCounts={counted(tree)} endMs={endMs} />
          </ul>
        );
      }}
    </Loaded>
  );
}
