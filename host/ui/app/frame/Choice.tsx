// One of a few values, as the browser's own list: it works with every keyboard and phone.
import { NativeSelect } from '@mantine/core';

export function Choice(props: {
  label: string;
  value: string;
  options: { value: string; label: string }[];
  onChange: (value: string) => void;
}) {
  return (
    <NativeSelect
      size="sm"
      label={props.label}
      value={props.value}
      data={props.options}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  );
}
