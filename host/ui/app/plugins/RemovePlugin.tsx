// Removes an installed plugin, after it was asked whether to.
import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { post } from '../api/client';
import type { PluginDetail } from '../api/plugins';
import { Failure } from '../frame/Failure';

export function RemovePlugin({ plugin }: { plugin: PluginDetail }) {
  const client = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  const remove = useMutation({
    mutationFn: () =>
      post<PluginDetail | null>(`plugins/${encodeURIComponent(plugin.name)}/remove`),
    onSettled: () => {
      setIsAsked(false);
      return Promise.all([
        client.invalidateQueries({ queryKey: ['plugin', plugin.name] }),
        client.invalidateQueries({ queryKey: ['plugins'] }),
      ]);
    },
  });
  // What comes with the binary is part of it.
  if (plugin.source !== 'directory' || plugin.state === 'orphaned') return null;
  return (
    <>
      {isAsked ? (
        <>
          <Button color="red" size="xs" loading={remove.isPending} onClick={() => remove.mutate()}>
            Remove {plugin.name} {plugin.version}
            {plugin.jobs.length > 0 && `, which ${plugin.jobs.length} jobs use`}
          </Button>
          <Button variant="default" size="xs" onClick={() => setIsAsked(false)}>
            Leave it installed
          </Button>
        </>
      ) : (
        <Button variant="default" size="xs" onClick={() => setIsAsked(true)}>
          Remove
        </Button>
      )}
      {remove.error !== null && <Failure error={remove.error} />}
    </>
  );
}
