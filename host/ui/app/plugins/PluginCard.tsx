// One plugin in the list; all that is known of it is asked for when it is opened.
import { Stack } from '@mantine/core';
import { useState } from 'react';
import type { PluginSummary } from '../api/plugins';
import { StateMark } from '../frame/StateMark';
import { PluginFacts } from './PluginFacts';

export function PluginCard({ plugin, isAdmin }: { plugin: PluginSummary; isAdmin: boolean }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="card" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        <StateMark state={plugin.state} /> <h2 className="mono">{plugin.name}</h2>{' '}
        <span className="quiet small wraps">
          {[plugin.version, plugin.world, plugin.jobs.join(', ')]
            .filter((part) => part !== '')
            .join(' · ')}
        </span>
        <div className="small wraps">{plugin.description}</div>
        {plugin.lastError !== null && <pre className="code bad">{plugin.lastError}</pre>}
      </summary>
      {isOpen && (
        <Stack gap="sm" mt="sm">
          <PluginFacts name={plugin.name} isAdmin={isAdmin} />
        </Stack>
      )}
    </details>
  );
}
