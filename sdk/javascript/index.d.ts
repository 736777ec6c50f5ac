// The types of index.js; what each does is said in the sources.

export type Labels = Record<string, string | number | boolean>;

export interface SampleOptions {
  /** Goes to the end of the family's name. */
  suffix?: string;
  timestampMs?: number;
}

export interface Distribution {
  sum: number;
  count: number;
  labels?: Labels;
}

export interface Row {
  sample(value: number, ...labelValues: (string | number)[]): this;
}

export interface Family {
  readonly name: string;
  sample(value: number | string | bigint, labels?: Labels | null, options?: SampleOptions): this;
  with(...labelNames: string[]): Row;
  buckets(buckets: Iterable<[bound: number, total: number]>, rest: Distribution): this;
  quantiles(quantiles: Iterable<[quantile: number, value: number]>, rest: Distribution): this;
}

export type Kind =
  | "unknown" | "counter" | "gauge" | "histogram" | "summary" | "info" | "stateset";

export class Batch {
  readonly length: number;
  family(kind: Kind, name: string, help?: string, unit?: string): Family;
  gauge(name: string, help?: string, unit?: string): Family;
  counter(name: string, help?: string, unit?: string): Family;
  unknown(name: string, help?: string, unit?: string): Family;
  info(name: string, help?: string): Family;
  histogram(name: string, help?: string, unit?: string): Family;
  summary(name: string, help?: string, unit?: string): Family;
  toText(): string;
}

export class Target {
  constructor(
    address: string,
    labels?: Record<string, string>,
    params?: Record<string, string[]>,
  );
  readonly address: string;
  readonly labels: Record<string, string>;
  readonly params: Record<string, string[]>;
  readonly host: string;
  readonly port: number;
}

export function hostAndPort(address: string): { host: string; port: number };

export class Exposition {
  constructor(body: string | Uint8Array, contentType?: string);
  readonly body: string | Uint8Array;
  readonly contentType: string;
}

export interface Plugin {
  reconfigure?(config: any): boolean;
  /** Nothing, or why it is not ready. */
  health?(): string | null | undefined | void;
  shutdown?(): void;
}

export interface ExporterPlugin extends Plugin {
  collect(target: Target, batch: Batch): Batch | Exposition | http.Stored | null | undefined | void;
}

export interface Group {
  source: string;
  /** Each an address, or labels with `__address__` among them. */
  targets: (string | Labels)[];
  labels?: Labels;
}

export interface DiscoveryPlugin extends Plugin {
  refresh(): Iterable<Group>;
}

export interface Alert {
  firing: boolean;
  fingerprint: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAtMs: number;
  endsAtMs: number | null;
  generatorUrl: string;
}

export interface Notification {
  groupKey: string;
  receiver: string;
  groupLabels: Record<string, string>;
  commonLabels: Record<string, string>;
  commonAnnotations: Record<string, string>;
  externalUrl: string;
  truncated: number;
  alerts: Alert[];
}

export class Retry {
  constructor(afterSeconds?: number | null);
  readonly afterSeconds: number | null;
}

export class Rejected {
  constructor(reason: string);
  readonly reason: string;
}

export interface ReceiverPlugin extends Plugin {
  notify(notification: Notification): Retry | Rejected | null | undefined | void;
}

export interface Lifecycle {
  init(config: string): void;
  reconfigure(config: string): boolean;
  health(): { ready: boolean; message: string };
  shutdown(): void;
}

export function exporter(
  plugin: new (config: any) => ExporterPlugin,
): { lifecycle: Lifecycle; collector: object };
export function discovery(
  plugin: new (config: any) => DiscoveryPlugin,
): { lifecycle: Lifecycle; discoverer: object };
export function receiver(
  plugin: new (config: any) => ReceiverPlugin,
): { lifecycle: Lifecycle; notifier: object };

export class PluginError extends Error {}
export class ConfigError extends PluginError {}
export class UnavailableError extends PluginError {}
export class OutOfTimeError extends PluginError {}
export class DeniedError extends PluginError {}
export class ProtocolError extends PluginError {}
export class InternalError extends PluginError {}

export function encode(text: string): Uint8Array;
export function decode(bytes: Uint8Array, fatal?: boolean): string;

export namespace clock {
  interface Timex {
    readonly state: number;
    readonly status: number;
    readonly offset: number;
    readonly frequency: number;
    readonly maxError: number;
    readonly estimatedError: number;
    readonly constant: number;
    readonly precision: number;
    readonly tolerance: number;
    readonly tick: number;
    readonly ppsFrequency: number;
    readonly ppsJitter: number;
    readonly ppsShift: number;
    readonly ppsStability: number;
    readonly ppsJitterExceeded: number;
    readonly ppsCalibrations: number;
    readonly ppsErrors: number;
    readonly ppsStabilityExceeded: number;
    readonly tai: number;
  }
  function now(): number;
  function monotonic(): number;
  function remaining(): number;
  function discipline(): Timex;
}

export namespace log {
  type Fields = Record<string, unknown>;
  function trace(message: string, fields?: Fields): void;
  function debug(message: string, fields?: Fields): void;
  function info(message: string, fields?: Fields): void;
  function warn(message: string, fields?: Fields): void;
  function error(message: string, fields?: Fields): void;
}

export namespace secrets {
  interface Secret {
    readonly name: string;
    reveal(): string;
  }
  function get(name: string): Secret;
}

export namespace http {
  interface Hidden {}
  type Header = string | number | secrets.Secret | Hidden;
  interface Options {
    headers?: Record<string, Header>;
    body?: string | Uint8Array | null;
    timeoutMs?: number | null;
    tls?: string | null;
  }
  interface Response {
    readonly status: number;
    readonly headers: [string, string][];
    readonly body: Uint8Array;
    header(name: string): string | undefined;
    expect(...statuses: number[]): Response;
    text(): string;
    json(): any;
  }
  interface Stored {
    readonly status: number;
    readonly contentType: string;
    readonly length: number;
    readonly handle: number;
  }
  function bearer(secret: secrets.Secret): Hidden;
  function basic(user: string, secret: secrets.Secret): Hidden;
  function get(url: string, options?: Options): Response;
  function post(url: string, body: string | Uint8Array, options?: Options): Response;
  function request(method: string, url: string, options?: Options): Response;
  function fetch(url: string, options?: Options): Stored;
}

export namespace tcp {
  const LINE_BYTES_MAX: number;
  interface Session {
    readonly version: string;
    readonly cipher: string;
    readonly certificates: Uint8Array[];
  }
  interface Connection {
    write(data: string | Uint8Array): void;
    writeSecret(
      prefix: string | Uint8Array,
      secret: secrets.Secret,
      suffix?: string | Uint8Array,
    ): void;
    read(max?: number): Uint8Array;
    readUntil(delimiter: string | Uint8Array, max?: number): Uint8Array;
    readLine(max?: number): string;
    readExact(count: number): Uint8Array;
    startTls(profile?: string, serverName?: string | null): void;
    session(): Session | null;
    peer(): string;
    close(): void;
  }
  function connect(host: string, port: number, tls?: string | null): Connection;
}

export namespace udp {
  const DATAGRAM_BYTES_MAX: number;
  interface Socket {
    send(data: string | Uint8Array): void;
    receive(max?: number): Uint8Array;
    close(): void;
  }
  function connect(host: string, port: number): Socket;
}

export namespace icmp {
  function ping(host: string, payloadBytes?: number): { address: string; seconds: number };
}

export namespace names {
  function resolve(host: string): string[];
}

export namespace files {
  interface Capacity {
    readonly bytes: number;
    readonly bytesFree: number;
    readonly bytesAvailable: number;
    readonly files: number;
    readonly filesFree: number;
    readonly readOnly: boolean;
  }
  function read(path: string): Uint8Array;
  function readText(path: string): string;
  function entries(path: string): string[];
  function link(path: string): string;
  function fileSystem(path: string): Capacity;
}

export namespace state {
  function get(key: string): Uint8Array | null;
  function set(key: string, value: Uint8Array): void;
  function getJson(key: string, otherwise?: any): any;
  function setJson(key: string, value: unknown): void;
}

export namespace kubernetes {
  const EVENTS_MAX: number;
  interface Watch {
    update(): any[];
    synced(): boolean;
  }
  function watch(
    apiVersion: string,
    kind: string,
    options?: { namespace?: string | null; labelSelector?: string | null },
  ): Watch;
}

export namespace exposition {
  const LINES_MAX: number;
  function parse(
    text: string | Uint8Array,
    batch: Batch,
    options?: {
      keep?: ((family: string) => boolean) | null;
      labels?: Record<string, string> | null;
      prefix?: string;
    },
  ): Batch;
}
