// A button for the steps of relabelling: they are asked for when somebody wants to see them.
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Labels } from '../api/labels';
import { RelabelSteps } from './RelabelSteps';

export function Relabelling({ pool, labels }: { pool: string; labels: Labels }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button
        variant="subtle"
        size="compact-sm"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        Relabelling
      </Button>
      {isOpen && <RelabelSteps pool={pool} labels={labels} />}
    </>
  );
}
