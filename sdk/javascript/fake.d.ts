// The types of fake.js; what each does is said in the sources.

import type { Batch, Exposition, Group, Lifecycle, Rejected, Retry, clock } from "./index.js";

type Bytes = string | Uint8Array;
type Module = { lifecycle: Lifecycle };
type Address = string | {
  address: string;
  labels?: Record<string, string>;
  params?: Record<string, string[]>;
};

export class Host {
  constructor(options?: { nowMs?: number });
  nowMs: number;
  readonly logged: { level: string; message: string; fields: Record<string, string> }[];
  readonly requests: {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string | null;
    tls: string | null;
  }[];
  readonly written: Record<string, string>;
  readonly state: Map<string, Uint8Array>;
  file(path: string, content: Bytes): this;
  timex(numbers?: Partial<clock.Timex>): this;
  response(
    url: string,
    body?: unknown,
    options?: { status?: number; headers?: Record<string, string>; method?: string },
  ): this;
  tcp(address: string, dialogue: Bytes | [said: Bytes, answer: Bytes][]): this;
  udp(address: string, ...datagrams: Bytes[]): this;
  secret(name: string, text: string): this;
  name(host: string, ...addresses: string[]): this;
  object(item: any, change?: "added" | "modified" | "deleted"): this;
  collect(module: Module, options?: { target?: Address; config?: any }): Batch & Exposition;
  start(module: Module, config?: any): Running;
  run<T>(act: () => T): T;
}

export interface Running {
  collect(target?: Address): Batch & Exposition;
  refresh(): Group[];
  notify(notification: any): Retry | Rejected | null;
  reconfigure(config: any): boolean;
  health(): { ready: boolean; message: string };
  shutdown(): void;
}
