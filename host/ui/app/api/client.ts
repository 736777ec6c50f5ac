// Asks the server, and reads the envelope of Prometheus' API. It knows no endpoint.
import { below } from '../page';

/** An answer that is an error, or none at all. `kind` is Prometheus' `errorType`. */
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The kind of error of a server that has not opened its store yet. */
export const STARTING = 'starting';

/** That of a server that cannot be reached. */
export const NETWORK = 'network';

/** That of an answer that only somebody gets who logs in anew. */
export const LOGGED_OUT = 'logged_out';

/** The data of an answer, with what the server says about it. */
export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

/** Parameters of a request; a list is sent as a parameter for each of its entries. */
export type Params = Record<string, string | number | string[] | undefined>;

export function encode(params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search.toString();
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    // The server leads nowhere else; a proxy in front of it does, to where one logs in.
    response = await fetch(below(path), { credentials: 'same-origin', redirect: 'manual', ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(NETWORK, 'The server cannot be reached.', 0);
  }
  if (response.type === 'opaqueredirect') throw loggedOut('The request is sent elsewhere', 0);
  return response;
}

function loggedOut(what: string, status: number): ApiError {
  const text = `${what}, as where a session has ended. Load the page again to log in.`;
  return new ApiError(LOGGED_OUT, text, status);
}

/** What an answer says that is none of the API: somebody between the page and the server gave it. */
export function foreign(status: number, contentType: string, text: string): ApiError {
  const isPage = /^text\/html\b/i.test(contentType) || /^\s*<(!doctype|html)\b/i.test(text);
  if (status === 401) return loggedOut('401: the server does not know who asks', status);
  if (isPage && status < 300) return loggedOut('A page came in place of an answer', status);
  // What is refused for another reason has an envelope.
  if (status === 503 && !isPage) return new ApiError(STARTING, `503: ${cut(text)}`, status);
  const title = isPage ? /<title[^>]*>([^<]*)/i.exec(text)?.[1] ?? '' : text;
  const kind = status === 502 || status === 503 || status === 504 ? 'unavailable' : 'unexpected';
  return new ApiError(kind, `${status}: ${cut(title) || 'an answer without a reason'}`, status);
}

function cut(text: string): string {
  return text.trim().slice(0, 500);
}

interface Envelope<T> {
  status: string;
  data?: T;
  errorType?: string;
  error?: string;
  warnings?: string[];
  infos?: string[];
}

async function open<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  let envelope: Envelope<T>;
  try {
    envelope = JSON.parse(text) as Envelope<T>;
  } catch {
    throw foreign(response.status, contentType(response), text || response.statusText);
  }
  if (envelope.status !== 'success') {
    const kind = envelope.errorType ?? 'unexpected';
    throw new ApiError(kind, envelope.error ?? `${response.status}`, response.status);
  }
  return {
    data: envelope.data as T,
    warnings: envelope.warnings ?? [],
    infos: envelope.infos ?? [],
  };
}

function contentType(response: Response): string {
  return response.headers.get('Content-Type') ?? '';
}

/** Whether the server has opened its store. */
export async function isReady(signal?: AbortSignal): Promise<boolean> {
  return (await send('-/ready', { signal })).ok;
}

/** GET below `/api/v1/`. */
export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal) {
  const search = encode(params);
  const response = await send(`api/v1/${path}${search && `?${search}`}`, { signal });
  return open<T>(response);
}

/** POST of a form below `/api/v1/`: for what may be longer than an address. */
export async function post<T>(path: string, params: Params = {}, signal?: AbortSignal) {
  const body = new URLSearchParams(encode(params));
  return open<T>(await send(`api/v1/${path}`, { method: 'POST', body, signal }));
}

/** A request below `/api/v1/` that changes something; parameters are sent as a form. */
export async function change<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  params?: Params,
): Promise<T> {
  const body = params === undefined ? undefined : new URLSearchParams(encode(params));
  return (await open<T>(await send(`api/v1/${path}`, { method, body }))).data;
}

/** A request below `/api/v2/`, whose answers have no envelope. */
export async function alertmanager<T>(
  method: string,
  path: string,
  params: Params = {},
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const search = encode(params);
  const response = await send(`api/v2/${path}${search && `?${search}`}`, {
    method,
    signal,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = /^\s*["{[]/.test(text);
  if (!response.ok && (isJson || text === '' || response.status < 500) && response.status !== 401) {
    throw new ApiError('alertmanager', reason(text, response), response.status);
  }
  if (text === '') return undefined as T;
  if (!response.ok || !isJson) throw foreign(response.status, contentType(response), text);
  return JSON.parse(text) as T;
}

/** Errors of Alertmanager are a string, or an object with a message, or plain text. */
function reason(text: string, response: Response): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'string') return parsed;
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) {
      return String(parsed.message);
    }
  } catch {
    // It is not JSON, so it is shown as it is.
  }
  return cut(text) || `${response.status} ${response.statusText}`;
}
