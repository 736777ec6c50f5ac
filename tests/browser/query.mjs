// The page of queries, as a person uses it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { counted, picture } from './browser.mjs';

const editor = (page, number = 1) => page.getByRole('textbox', { name: `Expression ${number}` });

async function write(page, text, number = 1) {
  await editor(page, number).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

/** The query of the page's address. */
const address = (page) => Object.fromEntries(new URL(page.url()).searchParams);

export async function drawn(page) {
  await page.locator('.plot canvas').first().waitFor();
  await page.waitForFunction(() => {
    const canvas = document.querySelector('.plot canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value) => value !== 0);
  });
}

export const stories = {
  'query: a name is completed, Enter runs it, and the table shows it': async (page) => {
    await page.goto('/');
    await page.waitForURL(/\/query$/);
    await editor(page).click();
    await page.keyboard.type('sum by (job) (rate(node_cpu_sec');
    await page.getByRole('option', { name: /node_cpu_seconds_total/ }).waitFor();
    await page.screenshot({ path: picture('query completed') });
    await page.getByRole('option', { name: /node_cpu_seconds_total/ }).click();
    await page.keyboard.type('[1m');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByRole('cell', { name: /job="node"/ }).waitFor();
    const search = address(page);
    assert.equal(search['g0.expr'], 'sum by (job) (rate(node_cpu_seconds_total[1m]))');
    assert.equal(search['g0.tab'], 'table');
  },

  'query: what is wrong is underlined, and said when it is run': async (page) => {
    await page.goto('/query');
    await write(page, 'sum by( (up');
    await page.locator('.cm-lintRange-error').first().waitFor();
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('alert').getByText('parse error').waitFor();
    // The browser notes each answer that is an error.
    page.forgetErrors(/status of 400/);
  },

  'query: Format writes it as the server would': async (page) => {
    await page.goto('/query');
    await write(page, 'sum(rate(node_cpu_seconds_total{mode!="idle",job="node"}[5m]))by(mode)/ignoring(mode)group_left()sum(rate(node_cpu_seconds_total[5m]))');
    await page.getByRole('button', { name: 'Format' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.cm-line').length > 2);
    assert.match(await editor(page).innerText(), /sum by \(mode\) \(/);
  },

  'query: Explain shows the tree': async (page) => {
    await page.goto('/query?g0.expr=sum+by+(job)+(rate(up[5m]))&g0.tab=explain');
    const tree = page.getByRole('list', { name: 'Syntax tree' });
    await tree.getByText('sum by (job)').waitFor();
    await tree.getByText('up[5m]').waitFor();
    await tree.getByText('All samples of the last 5m').waitFor();
  },

  'query: an old link of Prometheus 2 opens its graph': async (page) => {
    await page.goto('/graph?g0.expr=up&g0.tab=0&g0.stacked=1&g0.range_input=5m');
    await page.waitForURL(/\/query\?g0\.expr=up/);
    await drawn(page);
    assert.equal(await page.getByLabel('Show as').inputValue(), 'stacked');
    assert.equal(await page.getByRole('textbox', { name: 'Range' }).inputValue(), '5m');
    const series = page.getByRole('list', { name: 'Series' });
    await series.getByText('up{instance="gone", job="gone"}').waitFor();
  },

  'query: a graph is changed, zoomed into, and gone back from': async (page) => {
    await page.goto('/query?g0.expr=node_load1&g0.tab=graph&g0.range_input=15m');
    await drawn(page);
    await page.getByRole('button', { name: 'Longer range' }).click();
    await page.waitForURL(/range_input=30m/);
    await page.getByRole('textbox', { name: 'Range' }).fill('10m');
    await page.keyboard.press('Enter');
    await page.waitForURL(/range_input=10m/);
    await page.getByLabel('Resolution').selectOption('step');
    await page.getByRole('textbox', { name: 'Step' }).fill('5s');
    await page.keyboard.press('Enter');
    await page.waitForURL(/res_step=5/);
    await page.getByLabel('Show as').selectOption('stacked');
    await page.waitForURL(/display_mode=stacked/);
    await drawn(page);
    const over = await page.locator('.plot .u-over').boundingBox();
    const at = (part) => [over.x + over.width * part, over.y + over.height / 2];
    await page.mouse.move(...at(0.5));
    await page.mouse.down();
    await page.mouse.move(...at(0.75), { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/end_input=/);
    const search = address(page);
    assert.match(search['g0.range_input'], /^2m(2\d|3\d|40)s$/);
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await page.waitForURL((url) => !url.search.includes('end_input'));
    await page.goBack();
    await page.waitForURL(/end_input=/);
    assert.equal(address(page)['g0.end_input'], search['g0.end_input']);
  },

  'query: the mouse over a graph tells the value, a name shows its line alone': async (page) => {
    await page.goto('/query?g0.expr=up&g0.tab=graph&g0.range_input=1m');
    await drawn(page);
    await page.waitForFunction(() => {
      const over = document.querySelector('.u-over').getBoundingClientRect();
      return over.width > 0;
    });
    const over = await page.locator('.plot .u-over').boundingBox();
    await page.mouse.move(over.x + over.width - 4, over.y + over.height / 3);
    await page.locator('.plot-tip').getByText(/^up\{/).waitFor();
    const gone = page.getByRole('button', { name: /job="gone"/ });
    await gone.click();
    await counted(page.locator('.legend button[aria-pressed="true"]'), 1);
    await gone.click();
    assert.equal(await page.locator('.legend button[aria-pressed="false"]').count(), 0);
  },

  'query: tables and graphs are saved as CSV': async (page) => {
    for (const tab of ['table', 'graph']) {
      await page.goto(`/query?g0.expr=up{job="node"}&g0.tab=${tab}&g0.range_input=1m`);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'CSV' }).click(),
      ]);
      const lines = readFileSync(await download.path(), 'utf8').trim().split('\r\n');
      assert.equal(lines[0], '__name__,instance,job,rack,time,value');
      assert.match(lines[1], /^up,127\.0\.0\.1:\d+,node,r1,20..-.+Z,1$/);
    }
  },

  'query: panels are added, doubled and removed, and all are in the address': async (page) => {
    await page.goto('/query?g0.expr=up');
    await page.getByRole('button', { name: 'Add a query' }).click();
    await write(page, 'node_load1', 2);
    await page.keyboard.press('Enter');
    await page.waitForURL(/g1\.expr=node_load1/);
    await page.getByRole('button', { name: 'Duplicate' }).first().click();
    await page.waitForURL(/g2\.expr=node_load1/);
    assert.equal(address(page)['g1.expr'], 'up');
    await page.getByRole('button', { name: 'Remove' }).first().click();
    await page.waitForURL((url) => !url.search.includes('g2.expr'));
    await page.reload();
    await editor(page, 2).getByText('node_load1').waitFor();
    await counted(page.getByRole('region'), 2);
  },

  'query: what was run is remembered, and forgotten when that is asked for': async (page) => {
    await page.goto('/query');
    await write(page, 'count(up)');
    await page.keyboard.press('Enter');
    await page.getByRole('cell', { name: '5', exact: true }).waitFor();
    await page.goto('/query');
    await page.getByRole('button', { name: 'History' }).click();
    await page.getByRole('button', { name: 'count(up)' }).click();
    await page.waitForURL(/g0\.expr=count/);
    await page.getByRole('button', { name: 'History' }).click();
    await page.getByRole('button', { name: 'Forget all of them' }).click();
    await page.getByText('No query is remembered').waitFor();
  },

  'query: one that takes long is cancelled': async (page) => {
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route('**/api/v1/query', async (route) => {
      await held;
      await route.abort().catch(() => {});
    });
    await page.goto('/query?g0.expr=up');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The query was cancelled.').waitFor();
    release();
    await page.unroute('**/api/v1/query');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('cell', { name: /job="node"/ }).waitFor();
    page.forgetErrors(/ERR_FAILED/);
  },

  'query: remarks and warnings of the server are shown': async (page) => {
    await page.goto('/query?g0.expr=rate(node_load1[1m])');
    await page.getByText(/might not be a counter/).waitFor();
  },

  'query: a moment of the past, and times of UTC': async (page) => {
    await page.goto('/query?g0.expr=time()&g0.moment_input=2026-01-02+03:04:05');
    await page.getByText('1767323045', { exact: true }).waitFor();
    const time = page.getByRole('textbox', { name: 'Time' });
    assert.equal(await time.inputValue(), '2026-01-02 04:04:05');
    await page.getByRole('checkbox', { name: 'Local time' }).uncheck();
    assert.equal(await time.inputValue(), '2026-01-02 03:04:05');
  },

  'query: a large graph and many targets stay usable': async (page) => {
    const points = Array.from({ length: 2000 }, (_, index) => [1_767_000_000 + index * 15, `${index % 97}`]);
    const result = Array.from({ length: 200 }, (_, index) => ({
      metric: { __name__: 'large', series: `${index}` },
      values: points.map(([time, value]) => [time, `${Number(value) + index}`]),
    }));
    const body = JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } });
    await page.route('**/api/v1/query_range', (route) =>
      route.fulfill({ contentType: 'application/json', body }),
    );
    await page.addInitScript(() => {
      window.longTasks = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
      }).observe({ type: 'longtask', buffered: true });
    });
    const end = '2025-12-29+17:39:45';
    await page.goto(`/query?g0.expr=large&g0.tab=graph&g0.range_input=29985s&g0.end_input=${end}&g0.step_input=15`);
    await drawn(page);
    const over = await page.locator('.plot .u-over').boundingBox();
    await page.mouse.move(over.x + 200, over.y + 100, { steps: 10 });
    const tasks = await page.evaluate(() => window.longTasks);
    console.log(`      200 series of 2000 points: long tasks of ${tasks.join(', ')} ms`);
  },
};
