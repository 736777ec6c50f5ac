// A page: its heading, what stands beside it, and its content.
import { Group, Stack, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

export function Page(props: { title: string; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${props.title} – Narthex`;
  }, [props.title]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="center">
        <Title order={1} size="h3">
          {props.title}
        </Title>
        <Group gap="xs">{props.actions}</Group>
      </Group>
      {props.children}
    </Stack>
  );
}
