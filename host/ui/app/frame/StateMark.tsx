// The word for a state, in the colour of how good it is.

const CLASSES: Record<string, string> = {
  firing: 'bad',
  down: 'bad',
  err: 'bad',
  failed: 'bad',
  error: 'bad',
  pending: 'wait',
  loading: 'wait',
  held: 'wait',
  outdated: 'wait',
  waiting: 'quiet',
  unknown: 'quiet',
  expired: 'quiet',
  dropped: 'quiet',
  suppressed: 'quiet',
  inactive: 'good',
  up: 'good',
  ok: 'good',
  running: 'good',
  active: 'good',
};

export function StateMark({ state }: { state: string }) {
  return <span className={`state ${CLASSES[state] ?? 'quiet'}`}>{state.replace('_', ' ')}</span>;
}
