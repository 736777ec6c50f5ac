// Something is on its way.
import { Group, Loader } from '@mantine/core';

export function Loading({ text = 'Loading' }: { text?: string }) {
  return (
    <Group gap="sm" role="status" p="md">
      <Loader size="sm" />
      <span className="quiet">{text}</span>
    </Group>
  );
}
