import { beforeAll, expect, it, vi } from 'vitest';

// The client finds the server by the page that it is part of.
vi.mock('../page', () => ({ below: (path: string) => `/${path}` }));

let foreign: (status: number, contentType: string, text: string) => { kind: string; message: string };
beforeAll(async () => {
  ({ foreign } = await import('./client'));
});

it.each([
  [200, 'text/html; charset=utf-8', '<!DOCTYPE html><title>Sign in</title>', 'logged_out', 'session has ended'],
  [200, '', ' <html><body>sign in', 'logged_out', 'session has ended'],
  [401, 'text/plain', 'Unauthorized', 'logged_out', '401'],
  [503, 'text/plain', 'Service Unavailable', 'starting', 'Service Unavailable'],
  // That of a proxy whose server is gone: nothing starts there.
  [503, 'text/html', '<html><title>503 no server</title>', 'unavailable', '503: 503 no server'],
  [502, 'text/html', '<html><body>x</body>', 'unavailable', '502: an answer without a reason'],
  [404, 'text/plain', '404 page not found\n', 'unexpected', '404: 404 page not found'],
])('%d %s %s is %s', (status, type, text, kind, message) => {
  const error = foreign(status, type, text);
  expect(error.kind).toBe(kind);
  expect(error.message).toContain(message);
});
