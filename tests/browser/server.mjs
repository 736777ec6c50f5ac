// A live server with real data: it scrapes itself, Debian's node exporter, a plugin, a target
// whose names are markup, and one that is not there; it has rules, alerts and an Alertmanager.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const READY_MS = 180_000;

/** Files of the web application other than those of the binary: those that are being worked on. */
export const UI_DIR = process.env.NARTHEX_UI_DIR
  ? [`--web.ui-dir=${resolve(process.env.NARTHEX_UI_DIR)}`]
  : [];

/** What runs a script where a name becomes markup. It says so in `window.canary`. */
export const MARKUP = '<img src=x onerror="window.canary=1"><script>window.canary=2</script>';

/**
 * What else has been used to get out of where a name is written: attributes, scripts, templates,
 * addresses, names that objects of JavaScript have, signs that turn the line round, and length.
 */
export const CORPUS = [
  '"><svg/onload="window.canary=6">',
  "' onmouseover='window.canary=7' x='",
  '</script><script>window.canary=8</script>',
  '</style><iframe srcdoc="<script>parent.canary=9</script>">',
  'javascript:window.canary=10',
  '{{constructor.constructor("window.canary=11")()}}${window.canary=12}',
  '<math><mtext><style><img src onerror="window.canary=13">',
  '&lt;img src=x onerror=window.canary=14&gt;',
  '__proto__',
  'constructor',
  'toString',
  '\u202egnp.exe\u2066',
  '=cmd|" /C calc"!A0',
  'x'.repeat(2_000),
];

/** What stands in each secret of the configs, and nowhere else. */
export const SECRET = 'c4n4ry-0f-s3cr3ts';

/** Waits until an attempt does not throw; the last error is thrown when it never does. */
export async function until(what, attempt) {
  const end = performance.now() + READY_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw new Error(`${what}: ${error.message}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const PORTS = { from: 7_000, to: 10_000 };
const handedOut = new Set();

/**
 * A port that nobody listens at, handed out once. It is below the range that the system draws
 * from for those who ask for any port: one of these once took a port before its server had started.
 * The tests in Rust draw theirs from another range.
 */
export async function freePort() {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (!handedOut.has(port) && (await isFree(port))) {
      handedOut.add(port);
      return port;
    }
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const socket = createSocket();
    socket.on('error', () => resolve(false));
    socket.listen(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

const escaped = (text) => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

/** A target whose every name and value is markup. */
async function hostileTarget() {
  const name = escaped(`${MARKUP}_total`);
  const body =
    `# TYPE "${name}" gauge\n# HELP "${name}" ${MARKUP}\n` +
    `{"${name}","${escaped(`${MARKUP}l`)}"="${escaped(MARKUP)}"} 1\n` +
    `hostile{value="${escaped(MARKUP)}"} 1\n` +
    CORPUS.map((text) => `hostile_corpus{payload="${escaped(text)}"} 1\n`).join('');
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain; version=1.0.0; escaping=allow-utf-8' });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

function configOf({ port, prefix, node, hostile, gone, registry }) {
  return `global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}
rule_files: [rules.yml]
plugins:
  directory: plugins
  registry: {url: '127.0.0.1:${registry}/narthex', insecure: true, require_signature: false}
scrape_configs:
- job_name: narthex
  metrics_path: ${prefix}/metrics
  static_configs: [{targets: ['127.0.0.1:${port}']}]
- job_name: node
  authorization: {credentials: ${SECRET}}
  http_headers: {X-Key: {secrets: [${SECRET}]}}
  static_configs: [{targets: ['${node}'], labels: {rack: r1}}, {targets: ['127.0.0.1:1'], labels: {drop: me}}]
  relabel_configs: [{source_labels: [drop], regex: me, action: drop}]
  metric_relabel_configs: [{source_labels: [__name__], regex: 'go_memstats_.*', action: drop}]
- job_name: machine
  plugin: node
  scrape_interval: 3s
  scrape_timeout: 3s
  static_configs: [{targets: [machine]}]
- job_name: hostile
  static_configs: [{targets: ['${hostile}'], labels: {markup: '${MARKUP}'}}]
- job_name: gone
  basic_auth: {username: ada, password: ${SECRET}}
  static_configs: [{targets: ['127.0.0.1:${gone}'], labels: {instance: gone}}]
`;
}

const RULES = `groups:
- name: availability
  rules:
  - alert: TargetGone
    expr: up{job="gone"} == 0
    labels: {severity: page, markup: '${MARKUP}'}
    annotations:
      summary: 'Nobody answers at {{ $labels.instance }}. ${MARKUP}'
      runbook: https://runbooks.example/target-gone
      trap: 'javascript:window.canary=3'
  - alert: NeverFires
    expr: vector(0) > 1
  - alert: Slow
    expr: up{job="gone"} == 0
    for: 1d
- name: '${MARKUP}'
  rules:
  - record: markup:record
    expr: vector(1)
    labels: {markup: '${MARKUP}'}
- name: records
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - record: broken:record
    expr: up * on () up
`;

const ALERTMANAGER = `route: {receiver: nobody, group_by: [alertname], group_wait: 1s}
receivers:
- name: nobody
- name: unused
  slack_configs: [{api_url: 'http://127.0.0.1:1/${SECRET}', channel: on-call}]
  webhook_configs: [{url: 'http://127.0.0.1:1/', http_config: {basic_auth: {username: ada, password: ${SECRET}}}}]
`;

/** So many series there were at this time yesterday, and none of them today. */
export const YESTERDAY = 5;

const [MINUTE_MS, DAY_MS] = [60_000, 86_400_000];

/** Writes a store with a block of yesterday: samples around this time of the day. */
function writeYesterday(binary, folder) {
  const fromMs = Date.now() - DAY_MS - 2 * MINUTE_MS;
  const lines = Array.from({ length: 40 }, (_, minute) =>
    Array.from({ length: YESTERDAY }, (_, shard) => {
      const timeS = (fromMs + minute * MINUTE_MS) / 1000;
      return `yesterday{shard="${shard}"} ${minute} ${timeS}\n`;
    }),
  );
  writeFileSync(join(folder, 'yesterday.om'), `# TYPE yesterday gauge\n${lines.flat().join('')}# EOF\n`);
  const args = ['tsdb', 'create-blocks-from', 'openmetrics', 'yesterday.om', 'data'];
  execFileSync(binary, args, { cwd: folder });
}

/** Starts a process and collects what it says; `stop` ends it and waits for its end. */
export function start(program, args, cwd) {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listen = (chunk) => {
    said = (said + chunk).slice(-20_000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const ended = new Promise((resolve) => {
    child.on('error', (error) => {
      said += error.message;
      resolve();
    });
    child.on('exit', resolve);
  });
  return {
    said: () => said,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export async function query(url, expr) {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const { data, error } = await response.json();
  if (data === undefined) throw new Error(error);
  return data.result;
}

/** An agent that scrapes itself and sends to nobody who answers; it is ready when it returns. */
export async function startAgent(binary) {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-browser-'));
  const [port, closed] = [await freePort(), await freePort()];
  const config = `scrape_configs: [{job_name: self, static_configs: [{targets: ['127.0.0.1:${port}']}]}]
remote_write: [{url: 'http://127.0.0.1:${closed}/api/v1/write'}]
`;
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const address = `127.0.0.1:${port}`;
  const flags = ['--agent', '--storage.agent.path=data', '--storage.remote.flush-deadline=1s'];
  const narthex = start(
    binary,
    ['--config.file=prometheus.yml', `--web.listen-address=${address}`, ...flags],
    folder,
  );
  const stop = async () => {
    await narthex.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('the agent', async () => {
      const { ok } = await fetch(`http://${address}/-/ready`);
      if (!ok) throw new Error(`not ready yet\n${narthex.said()}`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${address}`, stop };
}

/** A querier of one store where nobody answers; it is ready when it returns. */
export async function startQuerier(binary) {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-browser-'));
  const [port, gone] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  const args = ['query', 'serve', `--endpoint-strict=127.0.0.1:${gone}`, `--web.listen-address=${address}`];
  const narthex = start(binary, [...args, '--storage.agent.path=data', ...UI_DIR], folder);
  const stop = async () => {
    await narthex.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('the querier', async () => {
      const { ok } = await fetch(`http://${address}/-/ready`);
      if (!ok) throw new Error(`not ready yet\n${narthex.said()}`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${address}`, gone: `127.0.0.1:${gone}`, stop };
}

/** A server below a prefix; the data is there when it returns. */
export async function startServer(binary, { prefix = '', flags = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-browser-'));
  const [port, gone, nodePort] = [await freePort(), await freePort(), await freePort()];
  const node = `127.0.0.1:${nodePort}`;
  // Nobody answers there until a story starts a registry.
  const registryPort = await freePort();
  const exporter = start('prometheus-node-exporter', [`--web.listen-address=${node}`], folder);
  const hostile = await hostileTarget();
  const config = configOf({
    port, prefix, node, hostile: hostile.address, gone, registry: registryPort,
  });
  writeFileSync(join(folder, 'prometheus.yml'), config);
  writeFileSync(join(folder, 'rules.yml'), RULES);
  writeFileSync(join(folder, 'alertmanager.yml'), ALERTMANAGER);
  writeYesterday(binary, folder);
  const boards = join(folder, 'boards');
  mkdirSync(boards);
  const narthex = start(
    binary,
    [
      '--config.file=prometheus.yml',
      '--alertmanager.config.file=alertmanager.yml',
      '--storage.tsdb.path=data',
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-admin-api',
      '--web.enable-otlp-receiver',
      '--enable-feature=exemplar-storage',
      ...UI_DIR,
      '--web.dashboards-dir=boards',
      ...(prefix === '' ? [] : [`--web.route-prefix=${prefix}`]),
      ...flags,
    ],
    folder,
  );
  const url = `http://127.0.0.1:${port}${prefix}`;
  const stop = async () => {
    await narthex.stop();
    await exporter.stop();
    hostile.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('the data', async () => {
      const expr =
        'count(up{job=~"narthex|node|hostile|machine"} == 1) == 4 and on () count(ALERTS{alertstate="firing"})';
      if ((await query(url, expr)).length === 0) throw new Error(`not there yet\n${narthex.said()}`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop, said: narthex.said, binary, node, gone, boards, registryPort };
}
