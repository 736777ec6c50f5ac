// The tree of an expression, each node with what it does.
import { useQuery } from '@tanstack/react-query';
import { post } from '../api/client';
import type { SyntaxNode } from '../api/query';
import { Loaded } from '../frame/Loaded';
import { type Explained, explain } from './syntax';

function Node({ node }: { node: Explained }) {
  return (
    <li>
      <span className="text">{node.text}</span>{' '}
      <span className="quiet small">{node.meaning}</span>
      {node.below.length > 0 && (
        <ul>
          {node.below.map((one, index) => (
            <Node key={index} node={one} />
          ))}
        </ul>
      )}
    </li>
  );
}

export function ExplainView({ expr }: { expr: string }) {
  const query = useQuery({
    queryKey: ['parse_query', expr],
    enabled: expr !== '',
    queryFn: ({ signal }) => post<SyntaxNode>('parse_query', { query: expr }, signal),
  });
  if (expr === '') return <p className="quiet">Nothing was asked yet.</p>;
  return (
    <Loaded query={query}>
      {(answer) => (
        <ul className="tree" aria-label="Syntax tree">
          <Node node={explain(answer.data)} />
        </ul>
      )}
    </Loaded>
  );
}
