// One of a few values, as the browser's own list: it works with every keyboard and phone.
import { NativeSelect } from '@mantine/core';

export function Choice(props: {
  label: string;
  value: string;
  options: { value: string; label: string }[];
  onChange: (value: string) => void;
}) {
  // A link may ask for what there no longer is: the list says so, and not that all is shown.
  const isListed = props.options.some(({ value }) => value === props.value);
  const own = isListed ? [] : [{ value: props.value, label: props.value }];
  return (
    <NativeSelect
      size="sm"
      label={props.label}
      value={props.value}
      data={[...own, ...props.options]}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  );
}
