// The few signs that the pages use, drawn as lines. Each stands beside a text or a label.

const PATHS = {
  alerts: 'M12 4a5 5 0 0 1 5 5v4l2 3H5l2-3V9a5 5 0 0 1 5-5M10 19h4',
  check: 'M5 12l5 5 9-10',
  cross: 'M6 6l12 12M18 6L6 18',
  dashboards: 'M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z',
  discovery: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l5 5',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  moon: 'M19 14a8 8 0 0 1-9-9 8 8 0 1 0 9 9',
  plugins: 'M9 4v4M15 4v4M6 8h12v4a6 6 0 0 1-12 0zM12 18v3',
  plus: 'M12 5v14M5 12h14',
  query: 'M4 19h16M6 16l4-6 4 3 5-8',
  refresh: 'M19 8a8 8 0 1 0 1 6M20 4v5h-5',
  rules: 'M5 6h14M5 12h14M5 18h9',
  silences: 'M5 10v4h3l5 4V6L8 10zM17 9l4 6M21 9l-4 6',
  status: 'M5 7h14v10H5zM9 20h6',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.500 17.500 19 19M19 5l-1.500 1.500M6.500 17.500 5 19',
  system: 'M4 5h16v11H4zM9 20h6M12 16v4',
  targets: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
