// How the pages of a large server feel: 10,000 targets, 5,000 rules, 200 series of 2,000 points.
//
//   node tests/browser/bench.mjs PATH_OF_NARTHEX
//
// It prints and asserts nothing, and is no part of the tests. See docs/ui.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { browse } from './browser.mjs';
import { freePort, query, start, UI_DIR, until } from './server.mjs';

const TARGETS = 10_000;
const GROUPS = 50;
const RULES_OF_GROUP = 100;
const SERIES = 200;
const POINTS = 2_000;
const STEP_S = 15;

const ROWS = 10_000;

/** So many series are pushed at a time: a request has a bound. */
const SERIES_OF_PUSH = 20;
const ROWS_OF_PUSH = 2_000;

async function page() {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' });
    response.end('# TYPE answer gauge\nanswer 42\n');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { address: `127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

function config(address) {
  const targets = Array.from(
    { length: TARGETS },
    (_, index) => `  - {targets: ['${address}'], labels: {instance: 'host-${index}:9100', rack: 'r${index % 40}'}}`,
  );
  return `global: {scrape_interval: 5m, scrape_timeout: 10s, evaluation_interval: 5m}
rule_files: [rules.yml]
otlp: {promote_all_resource_attributes: true}
scrape_configs:
- job_name: many
  static_configs:
${targets.join('\n')}
`;
}

function rules() {
  const rule = (group, index) =>
    index % 2 === 0
      ? `  - {alert: Alert${group}x${index}, expr: 'answer{rack="r${index % 40}"} > 41', for: 10m, labels: {severity: page}}`
      : `  - {record: 'group${group}:answer${index}:sum', expr: 'sum by (rack) (answer)'}`;
  const groups = Array.from({ length: GROUPS }, (_, group) => {
    const all = Array.from({ length: RULES_OF_GROUP }, (_, index) => rule(group, index));
    return `- name: group${group}\n  rules:\n${all.join('\n')}`;
  });
  return `groups:\n${groups.join('\n')}\n`;
}

/** Stores gauges: `points` says which those of a series are, by its index. */
async function push(url, name, count, countOfPush, points) {
  for (let first = 0; first < count; first += countOfPush) {
    const resourceMetrics = Array.from({ length: countOfPush }, (_, at) => ({
      resource: { attributes: [{ key: 'service.instance.id', value: { stringValue: `i${first + at}` } }] },
      scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints: points(first + at) } }] }],
    }));
    const response = await fetch(`${url}/api/v1/otlp/v1/metrics`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ resourceMetrics }),
    });
    const text = await response.text();
    if (!response.ok || text.includes('rejected')) throw new Error(text);
  }
}

/** Stores the series of the graph and those of the table, and says when they end. */
async function pushAll(url) {
  const endS = Math.floor(Date.now() / 1000 / STEP_S) * STEP_S;
  const startS = endS - (POINTS - 1) * STEP_S;
  await push(url, 'large', SERIES, SERIES_OF_PUSH, (series) =>
    Array.from({ length: POINTS }, (_, index) => ({
      timeUnixNano: `${startS + index * STEP_S}000000000`,
      asDouble: series + Math.sin(index / 40 + series),
    })),
  );
  // The targets are scraped over five minutes: a table of theirs would be short at first.
  await push(url, 'wide', ROWS, ROWS_OF_PUSH, (series) => [
    { timeUnixNano: `${endS}000000000`, asDouble: series / 7 },
  ]);
  return endS;
}

async function startLarge(binary) {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-bench-'));
  const [target, port] = [await page(), await freePort()];
  writeFileSync(join(folder, 'prometheus.yml'), config(target.address));
  writeFileSync(join(folder, 'rules.yml'), rules());
  const url = `http://127.0.0.1:${port}`;
  const flags = ['--web.enable-otlp-receiver', '--storage.tsdb.path=data', ...UI_DIR];
  const narthex = start(
    binary,
    ['--config.file=prometheus.yml', `--web.listen-address=127.0.0.1:${port}`, ...flags],
    folder,
  );
  const stop = async () => {
    await narthex.stop();
    target.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('the server', async () => {
      const { ok } = await fetch(`${url}/-/ready`);
      if (!ok) throw new Error(`not ready yet\n${narthex.said()}`);
    });
    const endS = await pushAll(url);
    await until('the series', async () => {
      const [all] = await query(url, 'count({__name__=~"large|wide"})');
      if (all?.value[1] !== `${SERIES + ROWS}`) throw new Error('not all are there');
    });
    return { url, endS, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/** What came over the network and when, as the page itself has seen it. */
function loaded(tab) {
  return tab.evaluate(() => {
    const of = (type) => performance.getEntriesByType(type);
    const files = of('resource').filter((entry) => entry.name.includes('/assets/'));
    const paint = of('paint').find((entry) => entry.name === 'first-contentful-paint');
    return {
      files: files.length,
      bytes: [...files, ...of('navigation')].map((entry) => entry.encodedBodySize),
      answers: of('resource').filter((entry) => entry.name.includes('/api/')).map((entry) => entry.encodedBodySize),
      paintMs: Math.round(paint?.startTime ?? 0),
    };
  });
}

/** Opens a page anew, waits until it is there, does something on it, and says what held it up. */
async function measure(browser, url, { name, path, ready, act }) {
  const tab = await browser.open(url);
  await tab.page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
    }).observe({ type: 'longtask', buffered: true });
  });
  const started = performance.now();
  await tab.page.goto(path);
  await ready(tab.page);
  const took = Math.round(performance.now() - started);
  const came = await loaded(tab.page);
  const loading = await tab.page.evaluate(() => window.longTasks.splice(0));
  await act?.(tab.page);
  const acting = await tab.page.evaluate(() => window.longTasks);
  console.log(`${name}: interactive after ${took} ms, first painted after ${came.paintMs} ms; ` +
    `long tasks of ${loading.join(', ') || 'none'}` +
    (act === undefined ? '' : `; when used ${acting.join(', ') || 'none'}`));
  console.log(`  ${sum(came.bytes)} bytes of page and ${came.files} files, ${sum(came.answers)} of answers`);
  for (const line of tab.said()) console.log(`  ${line}`);
  await tab.close();
}

const drawn = (tab) =>
  tab.waitForFunction(() => {
    const canvas = document.querySelector('.plot canvas');
    if (canvas === null) return false;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value) => value !== 0);
  });

const visible = (text) => (tab) => tab.getByRole('main').getByText(text).first().waitFor();

function pages(endS) {
  const end = new Date(endS * 1000).toISOString().slice(0, 19).replace('T', '+');
  const graph = `/query?g0.expr=large&g0.tab=graph&g0.range_input=${(POINTS - 1) * STEP_S}s&g0.end_input=${end}&g0.step_input=${STEP_S}`;
  const hover = async (tab) => {
    const over = await tab.locator('.plot .u-over').boundingBox();
    for (const part of [0.2, 0.4, 0.6, 0.8]) {
      await tab.mouse.move(over.x + over.width * part, over.y + over.height / 2, { steps: 10 });
    }
  };
  const editor = (tab) => tab.getByRole('textbox', { name: 'Expression 1' }).waitFor();
  const write = async (tab) => {
    await tab.getByRole('textbox', { name: 'Expression 1' }).click();
    await tab.keyboard.type('sum by (rack) (answer)');
    await tab.keyboard.press('Escape');
    await tab.keyboard.press('Enter');
    await tab.getByText(/\d series in/).waitFor();
  };
  return [
    { name: 'query, empty, cold', path: '/query', ready: editor, act: write },
    { name: 'graph of 200 × 2000', path: graph, ready: drawn, act: hover },
    { name: 'the same, stacked', path: `${graph}&g0.stacked=1`, ready: drawn, act: hover },
    { name: 'table of 10,000 series', path: `/query?g0.expr=wide&g0.moment_input=${end}`, ready: visible(/10.000 series in/) },
    {
      name: 'targets', path: '/targets', ready: visible('host-'),
      act: async (tab) => {
        await tab.getByLabel('Filter by address').fill('host-99');
        await tab.getByText(/10000 without the filter/).waitFor();
      },
    },
    { name: 'service discovery', path: '/service-discovery', ready: visible('many') },
    {
      name: 'rules', path: '/rules', ready: visible('group0'),
      act: async (tab) => {
        await tab.getByLabel('Filter').first().fill('answer99');
        await tab.getByText('answer99').first().waitFor();
      },
    },
    { name: 'alerts', path: '/alerts', ready: visible('Alert') },
  ];
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: bench.mjs PATH_OF_NARTHEX');
  process.exit(2);
}
const large = await startLarge(resolve(path));
const browser = await browse();
try {
  for (const one of pages(large.endS)) {
    try {
      await measure(browser, large.url, one);
    } catch (error) {
      console.log(`${one.name}: ${error.message}`);
    }
  }
} finally {
  await browser.close();
  await large.stop();
}
process.exit(0);
