// What the server has written into the page: where the application begins, and what it is.

function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="narthex-${name}"]`)?.content ?? '';
}

/** The path at which the application begins, with a slash at its end. */
export const basePath: string = new URL(document.baseURI).pathname;

// What the server wrote is relative to the address that was asked for, which changes as one goes
// from page to page; from here on it is not.
document.querySelector('base')?.setAttribute('href', basePath);

/** Lets the styles that we write while we run through the page's policy; "" where there is none. */
export const nonce: string = meta('nonce');

/** An agent answers no queries and has no rules. */
export const isAgent: boolean = meta('agent') === 'true';

/** Whether an Alertmanager runs inside the server. */
export const hasAlertmanager: boolean = meta('alertmanager') === 'true';

/** Whether the server answers from others, whom it can list. */
export const hasFleet: boolean = meta('fleet') === 'true';

/** The address of something below the application's beginning. */
export function below(path: string): string {
  return basePath + path.replace(/^\/+/, '');
}
