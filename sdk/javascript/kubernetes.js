// Objects of a Kubernetes cluster, of granted kinds, from watches that the host keeps.

import { host } from "#host";
import { call } from "./errors.js";

/** The events that one call hands over; `Watch.update` calls again until there are fewer. */
export const EVENTS_MAX = 1000;

/**
 * A watch, and the objects that it has seen. Keep it in a field of the plugin: it outlives the call
 * that opened it.
 */
export class Watch {
  #handle;
  #objects = new Map();

  constructor(handle) {
    this.#handle = handle;
  }

  /**
   * Takes what has happened into account; all objects that there are now, sorted by namespace and
   * name.
   */
  update() {
    for (;;) {
      const events = call(() => this.#handle.drain(EVENTS_MAX));
      for (const { change, object } of events) {
        const item = JSON.parse(object);
        const key = `${item.metadata?.namespace ?? ""}/${item.metadata?.name ?? ""}`;
        if (change === "deleted") {
          this.#objects.delete(key);
        } else {
          this.#objects.set(key, item);
        }
      }
      if (events.length < EVENTS_MAX) {
        return [...this.#objects.keys()].sort().map((key) => this.#objects.get(key));
      }
    }
  }

  /** Whether the first list is complete. */
  synced() {
    return this.#handle.synced();
  }
}

/** Watches a kind; `apiVersion` as in an object, `v1` or `apps/v1`. */
export function watch(apiVersion, kind, { namespace = null, labelSelector = null } = {}) {
  return new Watch(call(() => host.kubernetes.open(apiVersion, kind, namespace, labelSelector)));
}
