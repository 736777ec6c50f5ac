// A live server with real data: it scrapes itself, Debian's node exporter, a plugin, a target
// whose names are markup, and one that is not there; it has rules, alerts and an Alertmanager.
import { spawn } from 'node:child_process';
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
    `hostile{value="${escaped(MARKUP)}"} 1\n`;
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
- name: records
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - record: broken:record
    expr: up * on () up
`;

const ALERTMANAGER = `route: {receiver: nobody, group_by: [alertname], group_wait: 1s}
receivers: [{name: nobody}]
`;

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
  return { url, stop, binary, node, gone, boards, registryPort };
}
