// How a person finds their way to a query: metrics by name, labels of an answer, what a selector
// finds, and queries that others keep on the server.
import assert from 'node:assert/strict';
import { picture } from './browser.mjs';
import { accessible } from './looks.mjs';
import { MARKUP } from './server.mjs';

const address = (page) => Object.fromEntries(new URL(page.url()).searchParams);

export const stories = {
  'explorer: a metric is found by what it is for, and written into the expression': async (page) => {
    await page.goto('/query');
    const editor = page.getByRole('textbox', { name: 'Expression 1' });
    await editor.click();
    await page.keyboard.insertText('rate([5m])');
    for (let index = 0; index < '[5m])'.length; index += 1) await page.keyboard.press('ArrowLeft');
    await page.getByRole('button', { name: 'Metrics' }).click();
    const metrics = page.getByRole('list', { name: 'Metrics' });
    await metrics.getByRole('button').first().waitFor();
    await page.getByLabel('Search metrics').fill('cpus spent in each mode');
    await page.getByLabel('Type').selectOption('counter');
    const found = metrics.getByRole('button', { name: /^node_cpu_seconds_total counter/ });
    await found.waitFor();
    await page.screenshot({ path: picture('metrics light') });
    await accessible(page, 'metrics');
    await found.focus();
    await page.keyboard.press('Enter');
    assert.equal((await editor.innerText()).trim(), 'rate(node_cpu_seconds_total[5m])');
    // One goes on writing where it was put.
    await page.keyboard.type('{mode="idle"');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('g0.expr')?.includes('mode="idle"'));
  },

  'explorer: names of others stay texts there, too': async (page) => {
    await page.goto('/query');
    await page.getByRole('button', { name: 'Metrics' }).click();
    await page.getByLabel('Search metrics').fill('canary');
    await page.getByRole('list', { name: 'Metrics' }).getByText(MARKUP).first().waitFor();
    assert.equal(await page.evaluate(() => window.canary), undefined);
    assert.equal(await page.locator('main img[src], main [onerror]').count(), 0);
  },

  'explorer: a press on a label asks for it, with Shift for the others': async (page) => {
    await page.goto(`/query?g0.expr=${encodeURIComponent('sum by (job, mode) (rate(node_cpu_seconds_total{job="node"}[1m])) >= 0')}`);
    await page.getByRole('button', { name: 'mode="user"' }).first().click();
    await page.waitForURL((url) => url.searchParams.get('g0.expr').includes(', mode="user"}'));
    await page.getByText(/^1 series in/).waitFor();
    await page.getByRole('button', { name: 'mode="user"' }).first().focus();
    await page.keyboard.press('Shift+Enter');
    await page.waitForURL((url) => url.searchParams.get('g0.expr').includes('mode!="user"'));
    assert.equal(
      address(page)['g0.expr'],
      'sum by (job, mode) (rate(node_cpu_seconds_total{job="node", mode!="user"}[1m])) >= 0',
    );
    await page.goto(`/query?g0.expr=${encodeURIComponent('{job="hostile", value!=""}')}`);
    await page.getByRole('button', { name: /^value=/ }).click();
    await page.waitForURL((url) => url.searchParams.get('g0.expr').includes('window.canary'));
    await page.getByText(/^1 series in/).waitFor();
  },

  'explorer: Explain says how much a selector finds': async (page) => {
    await page.goto(`/query?g0.expr=${encodeURIComponent('rate(node_cpu_seconds_total{mode="idle"}[1m]) / on () group_left () up{job="node"}')}&g0.tab=explain`);
    const tree = page.getByRole('list', { name: 'Syntax tree' });
    await tree.getByText(/^1 of 5 series \(20 %\)$/).waitFor();
    await tree.getByText(/^\d+ of \d+ series \(1[23] %\)$/).waitFor();
    await tree.getByText(/^instance 1$/).first().waitFor();
    await page.screenshot({ path: picture('explain counted') });
    await accessible(page, 'explain');
  },

  'explorer: a query is kept for all, opened by its link, renamed, replaced and deleted': async (page, live) => {
    const name = `The load ${MARKUP}`;
    await page.goto('/query?g0.expr=node_load1&g0.tab=graph&g0.range_input=5m');
    await page.getByRole('button', { name: 'Saved queries' }).click();
    await page.getByText('No query is kept on the server yet.').waitFor();
    await page.getByLabel('Keep what the page shows as').fill(name);
    await page.keyboard.press('Enter');
    const link = page.getByRole('link', { name });
    await link.waitFor();
    // Somebody else gets the link.
    const href = await link.getAttribute('href');
    assert.match(href, /\/query\?saved=\d+$/);
    await page.goto(href);
    await page.waitForURL(/g0\.expr=node_load1/);
    assert.equal(address(page)['g0.range_input'], '5m');
    assert.equal(address(page).saved, undefined);

    await page.getByRole('button', { name: 'Saved queries' }).click();
    await page.getByLabel('Keep what the page shows as').fill(name);
    await page.getByRole('button', { name: 'Save for all' }).click();
    await page.getByRole('alert').getByText('another saved query is named').waitFor();
    page.forgetErrors(/status of 400/);
    await page.getByRole('button', { name: /^Rename The load/ }).click();
    await page.getByLabel('New name').fill('Load');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Load', exact: true }).waitFor();

    await page.getByRole('textbox', { name: 'Range' }).fill('15m');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Replace Load' }).click();
    await page.waitForFunction(() => document.querySelector('[aria-label^="Replace"]').disabled);
    await page.screenshot({ path: picture('saved light') });
    await accessible(page, 'saved queries');
    const kept = await (await fetch(`${live.url}/api/v1/saved_queries`)).json();
    assert.deepEqual(kept.data.map((one) => one.name), ['Load']);
    assert.match(kept.data[0].panels, /g0\.range_input=15m/);

    await page.getByRole('button', { name: 'Delete Load' }).click();
    await page.getByRole('button', { name: 'Delete it for all' }).click();
    await page.getByText('No query is kept on the server yet.').waitFor();
    await page.goto(href);
    await page.getByRole('alert').getByText('no saved query has the id').waitFor();
    page.forgetErrors(/status of 404/);
  },
};
