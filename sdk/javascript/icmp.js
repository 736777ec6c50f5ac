// Echo requests to granted hosts.

import { host } from "#host";
import { call } from "./errors.js";

/** Sends one echo request with so many bytes in it and waits for its reply: `address`, `seconds`. */
export function ping(address, payloadBytes = 56) {
  const reply = call(() => host.icmp.ping(address, payloadBytes));
  return { address: reply.address, seconds: Number(reply.nanoseconds) / 1e9 };
}
