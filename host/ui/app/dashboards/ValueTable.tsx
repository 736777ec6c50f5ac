// A panel of the kind Table: the values of now.
import { useMemo, useState } from 'react';
import { formatTime } from '../format/time';
import { More } from '../frame/More';
import { useLocalTime } from '../frame/preferences';
import type { BoardPanel } from './spec';
import { type Column, sorted, tableOf, type TableRow, timeMs } from './tableRows';
import { formatValue } from './unit';
import type { PanelData } from './usePanel';

const ROWS_STEP = 100;

interface Order {
  name: string;
  order: 'asc' | 'desc';
}

function cell(row: TableRow, column: Column, isLocal: boolean): string {
  if (column.name === 'timestamp') {
    const at = timeMs(row);
    return at === undefined ? '' : formatTime(at, isLocal);
  }
  const value = row[column.name];
  if (typeof value === 'number' && column.format !== undefined) return formatValue(value, column.format);
  return value === undefined ? '' : String(value);
}

export function ValueTable({ panel, data }: { panel: BoardPanel; data: PanelData }) {
  const [isLocal] = useLocalTime();
  const [chosen, setChosen] = useState<Order>();
  const { columns, rows } = useMemo(() => tableOf(panel, data), [panel, data]);
  const first = columns.find((column) => column.sort !== undefined);
  const order = chosen ?? (first && { name: first.name, order: first.sort ?? 'asc' });
  const shown = useMemo(
    () => (order === undefined ? rows : sorted(rows, order.name, order.order)),
    [rows, order?.name, order?.order],
  );
  const press = (name: string) =>
    setChosen({ name, order: order?.name === name && order.order === 'asc' ? 'desc' : 'asc' });
  return (
    <div className="wide board-table" tabIndex={0} role="region" aria-label={`Table of ${panel.title}`}>
      <More of={shown} step={ROWS_STEP} name="rows">
        {(some) => (
          <table className="folds">
            <thead>
              <tr>
                {columns.map((column) => (
                  <th
                    key={column.name}
                    scope="col"
                    style={{ textAlign: column.align }}
                    aria-sort={
                      order?.name === column.name
                        ? order.order === 'asc' ? 'ascending' : 'descending'
                        : undefined
                    }
                  >
                    <button type="button" className="sorts" onClick={() => press(column.name)}>
                      {column.header}
                      {order?.name === column.name && (order.order === 'asc' ? ' ↑' : ' ↓')}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {some.map((row, index) => (
                <tr key={index}>
                  {columns.map((column) => (
                    <td
                      key={column.name}
                      data-name={column.header}
                      className={column.isValue ? 'number' : 'wraps'}
                      style={{ textAlign: column.align }}
                    >
                      {cell(row, column, isLocal)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </More>
    </div>
  );
}
