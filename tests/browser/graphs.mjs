// Graphs that are more than lines: heatmaps, exemplars, alerts, and a page that asks again.
import assert from 'node:assert/strict';
import { counted, picture } from './browser.mjs';
import { pushHistograms } from './histograms.mjs';
import { accessible } from './looks.mjs';
import { drawn } from './query.mjs';

const address = (page) => Object.fromEntries(new URL(page.url()).searchParams);
const plot = (page) => page.getByRole('img', { name: /^(Graph|Heatmap) of/ });
const tip = (page) => page.locator('.plot-tip');

/** The colours of the canvas, each once. */
function colours(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('.plot canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    }
    return [...seen];
  });
}

export const stories = {
  'graphs: a native histogram is a heatmap, by mouse, by keys and by its address': async (page, live) => {
    await pushHistograms(live.url, 'heat');
    await page.goto('/query?g0.expr=rate(heat_latency[30s])&g0.tab=graph&g0.range_input=5m&g0.res_step=5&g0.res_type=custom');
    await page.getByText('which a line cannot show').waitFor();
    await page.getByRole('checkbox', { name: 'From zero' }).check();
    await page.waitForURL(/g0\.y_axis_min=0/);
    await page.getByLabel('Show as').selectOption('heatmap');
    await page.waitForURL(/g0\.display_mode=heatmap/);
    await page.reload();
    await drawn(page);
    // From few to many: the cells have more than a few colours.
    assert.ok((await colours(page)).length > 8);
    const scale = page.locator('.scale .ticks span');
    assert.equal(await scale.first().innerText(), '0');
    assert.ok(Number(await scale.last().innerText()) > 0);
    const over = await page.locator('.plot .u-over').boundingBox();
    await page.mouse.move(over.x + over.width / 2, over.y + over.height / 2);
    await tip(page).getByText(/of .+ \(\d+ %\)/).waitFor();
    await tip(page).getByText(/^from .+ to /).waitFor();
    await page.mouse.move(0, 0);
    await plot(page).focus();
    await page.keyboard.press('ArrowUp');
    const before = await tip(page).innerText();
    await page.keyboard.press('Shift+ArrowLeft');
    await page.waitForFunction((text) => document.querySelector('.plot-tip').innerText !== text, before);
    await page.keyboard.press('Escape');
    await tip(page).waitFor({ state: 'hidden' });
    await page.mouse.move(over.x + over.width * 0.5, over.y + 100);
    await page.mouse.down();
    await page.mouse.move(over.x + over.width * 0.75, over.y + 100, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/g0\.end_input=/);
    assert.equal(address(page)['g0.display_mode'], 'heatmap');
  },

  'graphs: classic buckets are a heatmap, too, and what is no histogram says so': async (page) => {
    const expr = 'sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[30s]))';
    await page.goto(`/query?g0.expr=${encodeURIComponent(expr)}&g0.tab=graph&g0.range_input=1m&g0.display_mode=heatmap`);
    await drawn(page);
    await page.getByRole('img', { name: /^Heatmap of \d+ buckets/ }).waitFor();
    await page.goto('/query?g0.expr=up&g0.tab=graph&g0.range_input=1m&g0.display_mode=heatmap');
    await page.getByText('None of the series is a histogram').waitFor();
  },

  'graphs: exemplars are marked, and a press shows the trace': async (page, live) => {
    await pushHistograms(live.url, 'trace');
    await page.goto('/query?g0.expr=rate(trace_requests_total[30s])&g0.tab=graph&g0.range_input=5m&g0.show_exemplars=1');
    await page.getByText(/\d exemplars/).waitFor();
    await drawn(page);
    // A mark is pressed where its colour is.
    const mark = await page.evaluate(() => {
      const canvas = document.querySelector('.plot canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const box = canvas.getBoundingClientRect();
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] === 232 && data[at + 1] === 89 && data[at + 2] === 12) {
          const [x, y] = [(at / 4) % canvas.width, Math.floor(at / 4 / canvas.width)];
          return [box.x + (x * box.width) / canvas.width, box.y + (y * box.height) / canvas.height];
        }
      }
      return undefined;
    });
    await page.mouse.click(mark[0], mark[1] + 3);
    const chosen = page.getByRole('region', { name: 'Exemplar' });
    await chosen.getByText(/trace_id="0af7651916cd43dd8448eb211c80/).waitFor();
    await chosen.getByText(/note="<img src=x/).waitFor();
    await chosen.getByText('trace_requests_total{').waitFor();
    await chosen.getByRole('button', { name: 'Close' }).click();
    await chosen.waitFor({ state: 'detached' });
    // The same without a mouse.
    await page.getByText(/\d exemplars/).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('list', { name: 'Exemplars' }).getByRole('button').first().focus();
    await page.keyboard.press('Enter');
    await chosen.waitFor();
    assert.equal(await page.evaluate(() => window.canary), undefined);
    await page.getByRole('checkbox', { name: 'Exemplars' }).uncheck();
    await page.waitForURL(/show_exemplars=0/);
    await chosen.waitFor({ state: 'detached' });
  },

  'graphs: the times at which alerts fired are marked': async (page) => {
    await page.goto('/query?g0.expr=up&g0.tab=graph&g0.range_input=1m');
    await page.getByRole('checkbox', { name: 'Alerts' }).check();
    await page.waitForURL(/show_alerts=1/);
    const fired = page.getByRole('list', { name: 'Alerts that fired' });
    await fired.getByRole('link', { name: 'TargetGone' }).waitFor();
    await page.waitForFunction(() => {
      const canvas = document.querySelector('.plot canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] === 176 && data[at + 1] === 37 && data[at + 2] === 37) return true;
      }
      return false;
    });
    await fired.getByRole('link', { name: 'TargetGone' }).click();
    await page.waitForURL(/\/alerts\?search=TargetGone/);
  },

  'graphs: the page asks again by itself, and not while nobody looks': async (page) => {
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().includes('/api/v1/query_range')) asked += 1;
    });
    await page.goto('/query?g0.expr=time()&g0.tab=graph&g0.range_input=1m&refresh=1s');
    await drawn(page);
    assert.equal(await page.getByLabel('Auto-refresh').inputValue(), '1000');
    const more = async (count) => {
      while (asked < count) await page.waitForRequest('**/api/v1/query_range');
    };
    await more(2);
    // What is there stays while the next answer is awaited.
    assert.equal(await page.getByText('The query runs').count(), 0);
    const hide = (isHidden) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event('visibilitychange'));
      }, isHidden);
    await hide(true);
    const before = asked;
    await page.waitForFunction(() => {
      // An interval and a half in the page's own time.
      window.hiddenAt ??= performance.now();
      return performance.now() - window.hiddenAt > 1500;
    });
    // One may have been on its way.
    assert.ok(asked <= before + 1, `${asked - before} queries while hidden`);
    const whileHidden = asked;
    await hide(false);
    await more(whileHidden + 1);
    await page.getByLabel('Auto-refresh').selectOption('');
    await page.waitForURL((url) => !url.search.includes('refresh'));
  },

  'graphs: statistics of a query, and the buckets of a histogram in a table': async (page, live) => {
    const endMs = await pushHistograms(live.url, 'table');
    const moment = new Date(endMs).toISOString().slice(0, 19).replace('T', '+');
    await page.goto(`/query?g0.expr=table_latency&g0.moment_input=${moment}`);
    const buckets = page.getByRole('table', { name: 'Buckets' });
    await buckets.getByRole('rowheader').first().waitFor();
    await counted(buckets.getByRole('row'), 18);
    await page.getByText(/count 1464, sum 366/).waitFor();
    // What is asked for until then can be kept and shared; who counts evaluates every step.
    const asked = [];
    page.on('request', (request) => {
      if (/api\/v1\/query/.test(request.url())) asked.push(request.postData() ?? '');
    });
    await page.getByRole('button', { name: 'Run' }).click();
    await buckets.getByRole('rowheader').first().waitFor();
    assert.deepEqual(asked.filter((body) => body.includes('stats')), []);
    await page.getByRole('button', { name: 'Statistics' }).click();
    await page.getByText('Samples held at most').waitFor();
    await page.getByText('All together').waitFor();
    assert.equal(asked.filter((body) => body.includes('stats=all')).length, 1);
    await page.getByRole('tab', { name: 'Graph' }).click();
    await page.getByRole('button', { name: 'Statistics' }).click();
    await page.getByText('Samples that its steps looked at').waitFor();
  },

  'graphs: they look well in light, in dark and on a phone': async (page, live) => {
    await pushHistograms(live.url, 'looks');
    // All on one page: each page costs a load.
    const views = [
      'expr=rate(looks_latency[30s])&tab=graph&range_input=5m&display_mode=heatmap&show_alerts=1',
      'expr=rate(looks_requests_total[30s])&tab=graph&range_input=5m&show_exemplars=1',
      'expr=looks_latency&tab=table',
    ].map((view, index) => view.replace(/(^|&)/g, `$1g${index}.`));
    for (const scheme of ['light', 'dark', 'phone']) {
      await page.emulateMedia({ colorScheme: scheme === 'dark' ? 'dark' : 'light' });
      if (scheme === 'phone') await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(`/query?${views.join('&')}`);
      await page.getByText('Observations in a bucket').waitFor();
      await page.getByRole('table', { name: 'Buckets' }).waitFor();
      await drawn(page);
      await page.getByText(/\d exemplars/).click();
      await page.getByRole('list', { name: 'Exemplars' }).getByRole('button').first().click();
      await page.getByRole('region', { name: 'Exemplar' }).waitFor();
      await page.screenshot({ path: picture(`graphs ${scheme}`), fullPage: true });
      await accessible(page, `graphs ${scheme}`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (scheme === 'phone') assert.ok(width <= 390, `${width} pixels wide`);
    }
  },
};
