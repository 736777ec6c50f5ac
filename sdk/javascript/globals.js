// What other JavaScript engines have and a component does not: `TextEncoder`, `TextDecoder` (of UTF-8)
// and `console`, so that code from elsewhere runs; and a clock behind `Date`, whose own would end the
// instance with a trap.

import { host, inComponent } from "#host";
import { debug, error, info, warn } from "./log.js";
import { decode, encode } from "./text.js";

globalThis.TextEncoder ??= class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    return encode(String(text));
  }
};

globalThis.TextDecoder ??= class TextDecoder {
  #fatal;
  #ignoresMark;

  constructor(label = "utf-8", options = {}) {
    if (!/^utf-?8$/i.test(label)) {
      throw new RangeError(`${label} is not an encoding that is known`);
    }
    this.#fatal = Boolean(options.fatal);
    this.#ignoresMark = Boolean(options.ignoreBOM);
  }

  get encoding() {
    return "utf-8";
  }

  decode(bytes = new Uint8Array()) {
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    const text = decode(view, this.#fatal);
    return !this.#ignoresMark && text.startsWith("\uFEFF") ? text.slice(1) : text;
  }
};

const line = (values) => values.map(String).join(" ");

globalThis.console ??= {
  debug: (...values) => debug(line(values)),
  log: (...values) => info(line(values)),
  info: (...values) => info(line(values)),
  warn: (...values) => warn(line(values)),
  error: (...values) => error(line(values)),
};

if (inComponent) {
  const SystemDate = Date;
  globalThis.Date = class Date extends SystemDate {
    constructor(...parts) {
      if (parts.length === 0) {
        super(host.clock.now());
      } else {
        super(...parts);
      }
    }

    static now() {
      return host.clock.now();
    }
  };
  globalThis.performance = { now: () => host.clock.monotonic() / 1e6 };
}
