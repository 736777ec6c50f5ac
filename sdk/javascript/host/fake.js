// The contract's interfaces where there is no component: each asks the fake host that runs.

/** What `host.tcp.connect(...)` and the like lead to; ../fake.js sets it. */
export const running = { host: null };

function functions(name) {
  return new Proxy({}, {
    get: (_, key) => (...args) => {
      if (running.host === null) {
        const val = `${name}.${String(key)}: no fake host runs: see narthex-sdk/fake.js`;
        throw { tag: "denied", val };
      }
      return running.host.interfaces[name][key](...args);
    },
  });
}

const interfaces = [
  "clock", "files", "http", "icmp", "kubernetes", "log", "names", "secrets", "state", "tcp", "udp",
];

export const host = Object.fromEntries(interfaces.map((name) => [name, functions(name)]));

/** Whether this is a component. */
export const inComponent = false;
