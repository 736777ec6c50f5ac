// An expression that opens in the page of queries.
import { Link } from '@tanstack/react-router';
import { emptyPanel, writePanels } from '../query/panel';

export function ExprLink({ expr }: { expr: string }) {
  const search = writePanels([{ ...emptyPanel(), expr }]);
  return (
    <Link to="/query" search={search} className="mono wraps">
      {expr}
    </Link>
  );
}
