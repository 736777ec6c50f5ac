// The queries that were run in this browser, to be taken up again.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { forget, readHistory } from './history';

export function HistoryList({ onChoose }: { onChoose: (expr: string) => void }) {
  const [history, setHistory] = useState(readHistory);
  if (history.length === 0) {
    return <p className="quiet small">No query is remembered in this browser.</p>;
  }
  return (
    <section className="past" aria-label="History">
      <ul>
        {history.map((expr) => (
          <li key={expr}>
            <button type="button" className="mono" onClick={() => onChoose(expr)}>
              {expr}
            </button>
          </li>
        ))}
      </ul>
      <Button
        variant="subtle"
        color="red"
        size="compact-sm"
        onClick={() => {
          forget();
          setHistory([]);
        }}
      >
        Forget all of them
      </Button>
    </section>
  );
}
