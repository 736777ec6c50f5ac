// What is around every page: the name, the navigation, and what holds for all pages.
import { AppShell, Burger, Group, NavLink, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { Suspense, useEffect, useRef } from 'react';
import { isAgent } from '../page';
import { Icon } from './Icon';
import { Loading } from './Loading';
import { Notices } from './Notices';
import { PAGES } from './pages';
import { useLocalTime } from './preferences';
import { SchemeSwitch } from './SchemeSwitch';

function Mark() {
  return (
    <svg aria-hidden="true" width="24" height="24" viewBox="0 0 32 32">
      <rect width="32" height="32" rx="6" fill="#0b7285" />
      <path
        d="M5 26h22M8 26V15a8 8 0 0 1 16 0v11M13 26v-9a3 3 0 0 1 6 0v9"
        fill="none"
        stroke="#fff"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  );
}

function TimeSwitch() {
  const [isLocal, setIsLocal] = useLocalTime();
  return (
    <label className="small">
      <input
        type="checkbox"
        checked={isLocal}
        onChange={(event) => setIsLocal(event.currentTarget.checked)}
      />{' '}
      Local time
    </label>
  );
}

export function Frame() {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  useEffect(close, [pathname, close]);
  const main = useRef<HTMLElement>(null);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 210, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding="md"
    >
      {/* For whoever has no mouse: past the pages, to the one that is shown. */}
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip the navigation
      </button>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Navigation"
              aria-expanded={isOpen}
            />
            <Link to={isAgent ? '/targets' : '/query'} className="brand">
              <Mark /> Narthex{isAgent && ' agent'}
            </Link>
          </Group>
          <Group gap="md" wrap="nowrap">
            <TimeSwitch />
            <SchemeSwitch />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {PAGES.map(({ name, entries }) => (
          <Stack key={name} gap={0} mb="md">
            <div className="quiet small" style={{ padding: '0.2rem 0.6rem' }}>
              {name}
            </div>
            {entries.map((entry) => {
              const isHere = pathname === entry.path || pathname.startsWith(`${entry.path}/`);
              return (
                <NavLink
                  key={entry.path}
                  active={isHere}
                  aria-current={isHere ? 'page' : undefined}
                  label={entry.name}
                  leftSection={<Icon name={entry.icon} />}
                  renderRoot={(props) => <Link to={entry.path} {...props} />}
                />
              );
            })}
          </Stack>
        ))}
      </AppShell.Navbar>
      <AppShell.Main ref={main} tabIndex={-1}>
        <Notices />
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
    </AppShell>
  );
}
