// Light, dark, or as the system has it: each press takes the next one.
import { ActionIcon, useMantineColorScheme } from '@mantine/core';
import { Icon } from './Icon';

const SCHEMES = [
  { value: 'auto', name: 'as the system', icon: 'system' },
  { value: 'light', name: 'light', icon: 'sun' },
  { value: 'dark', name: 'dark', icon: 'moon' },
] as const;

export function SchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const place = SCHEMES.findIndex((scheme) => scheme.value === colorScheme);
  const chosen = SCHEMES[place] ?? SCHEMES[0];
  const next = SCHEMES[(place + 1) % SCHEMES.length] ?? SCHEMES[0];
  const label = `Colours are ${chosen.name}; change to ${next.name}`;
  return (
    <ActionIcon
      variant="default"
      size="lg"
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next.value)}
    >
      <Icon name={chosen.icon} />
    </ActionIcon>
  );
}
