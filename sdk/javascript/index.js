// What the author of a plugin in JavaScript uses: hand a class to `exporter`, `discovery` or
// `receiver`, and `narthex plugin build` makes a component of the module.
//
//     import { exporter, files } from "./narthex-sdk/index.js";
//
//     export const { lifecycle, collector } = exporter(class {
//       collect(target, batch) {
//         const [seconds] = files.readText("/proc/uptime").split(" ");
//         batch.gauge("uptime_seconds", "Time since boot.").sample(Number(seconds));
//       }
//     });
//
// In Node the same module runs against a fake host (fake.js), so that a plugin is tested with
// `node --test` alone.
//
// It is not: a metrics library for programs that measure themselves.

import "./globals.js";

export { Batch } from "./batch.js";
export * as clock from "./clock.js";
export {
  ConfigError,
  DeniedError,
  InternalError,
  OutOfTimeError,
  PluginError,
  ProtocolError,
  UnavailableError,
} from "./errors.js";
export * as exposition from "./exposition.js";
export * as files from "./files.js";
export * as http from "./http.js";
export * as icmp from "./icmp.js";
export * as kubernetes from "./kubernetes.js";
export * as log from "./log.js";
export * as names from "./names.js";
export {
  Exposition,
  Rejected,
  Retry,
  Target,
  discovery,
  exporter,
  hostAndPort,
  receiver,
} from "./plugin.js";
export * as secrets from "./secrets.js";
export * as state from "./state.js";
export * as tcp from "./tcp.js";
export { decode, encode } from "./text.js";
export * as udp from "./udp.js";
