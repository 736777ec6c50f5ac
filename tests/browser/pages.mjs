// The pages of the server's own state.
import assert from 'node:assert/strict';
import { counted, picture } from './browser.mjs';
import { accessible } from './looks.mjs';
import { YESTERDAY } from './server.mjs';

export const stories = {
  'rules: groups, health and errors': async (page) => {
    await page.goto('/rules');
    await page.getByText('job:up:sum', { exact: true }).waitFor();
    await page.getByLabel('Health').selectOption('err');
    await page.getByText('broken:record').waitFor();
    await page.locator('pre.code', { hasText: 'many-to-many' }).waitFor();
    await page.getByLabel('Health').selectOption('');
    await page.getByLabel('Kind').selectOption('alerting');
    await page.getByText('NeverFires').waitFor();
    await counted(page.getByText('job:up:sum', { exact: true }), 0);
  },

  'targets: each with its last error in full': async (page, live) => {
    await page.goto('/targets');
    await page.getByRole('link', { name: `http://${live.node}/metrics` }).waitFor();
    await page.getByLabel('Health').selectOption('down');
    await page.locator('pre.code', { hasText: 'onnection refused' }).waitFor();
    await counted(page.locator('details.card'), 1);
    await page.getByLabel('Health').selectOption('');
    await page.getByLabel('Pool').selectOption('node');
    await page.waitForURL(/pool=node/);
    await counted(page.locator('details.card'), 1);
    await page.getByText('rack="r1"').waitFor();
  },

  'targets: a scrape to look at says what would be stored, and what relabelling did': async (page, live) => {
    await page.goto('/targets');
    const row = (text) => page.locator('tbody tr', { hasText: text });
    const node = page.locator('details.card', { has: page.getByRole('heading', { name: 'node', exact: true }) });
    // By the keyboard, as whoever has no mouse.
    await node.getByRole('button', { name: 'Scrape to look at' }).focus();
    await page.keyboard.press('Enter');
    await node.getByText(/^\d.* samples in .*, \d+ of them dropped by relabelling, .*KiB/).waitFor();
    const samples = (card, hasText) =>
      card.locator('pre[aria-label="Samples that would be stored"]', { hasText });
    const sent = (card, hasText) =>
      card.locator('pre[aria-label="What the target sends"]', { hasText });
    await samples(node, 'job="node"').waitFor();
    assert.doesNotMatch(await samples(node, '').innerText(), /go_memstats/);
    await node.getByRole('tab', { name: 'Page' }).click();
    await sent(node, 'go_memstats_alloc_bytes').waitFor();
    await page.screenshot({ path: picture('target looked at') });
    await accessible(page, 'a target that is looked at');
    const asked = page.waitForRequest('**/api/v1/targets/preview');
    await node.getByRole('button', { name: 'Scrape again' }).click();
    assert.equal((await asked).method(), 'POST');
    await node.getByRole('button', { name: 'Relabelling' }).click();
    await node.locator('ol.steps').getByText('action: drop').waitFor();

    // A plugin's samples have no page; what does not answer says why; names stay texts.
    const machine = page.locator('details.card', { has: page.getByRole('heading', { name: 'machine' }) });
    await machine.getByRole('button', { name: 'Scrape to look at' }).click();
    await samples(machine, 'node_').waitFor();
    await machine.getByRole('tab', { name: 'Page' }).click();
    await machine.getByText('What came is no text').waitFor();
    await row('onnection refused').getByRole('button', { name: 'Scrape to look at' }).click();
    await page.locator('pre[aria-label="Error of the scrape"]', { hasText: 'onnection refused' }).waitFor();
    const hostile = page.locator('details.card', { has: page.getByRole('heading', { name: 'hostile' }) });
    await hostile.getByRole('button', { name: 'Scrape to look at' }).click();
    await samples(hostile, 'window.canary').waitFor();
    await hostile.getByRole('tab', { name: 'Page' }).click();
    await sent(hostile, 'window.canary').waitFor();
    assert.equal(await page.evaluate(() => window.canary), undefined);
    assert.equal(await page.locator('main img, main [onerror]').count(), 0);
    assert.equal((await page.request.get(`${live.url}/api/v1/targets/preview`)).status(), 405);
  },

  'targets: of ten thousand only some are drawn at once': async (page) => {
    const target = (index) => ({
      discoveredLabels: {}, labels: { instance: `i${index}` }, scrapePool: 'many',
      scrapeUrl: `http://i${index}/metrics`, globalUrl: `http://i${index}/metrics`, lastError: '',
      lastScrape: '2026-01-01T00:00:00Z', lastScrapeDuration: 0.1, health: 'up',
      scrapeInterval: '15s', scrapeTimeout: '10s',
    });
    const activeTargets = Array.from({ length: 10_000 }, (_, index) => target(index));
    const body = JSON.stringify({ status: 'success', data: { activeTargets, droppedTargets: [] } });
    await page.route('**/api/v1/targets?*', (route) =>
      route.fulfill({ contentType: 'application/json', body }),
    );
    await page.goto('/targets');
    await page.getByText('10000 of 10000 up').waitFor();
    await counted(page.locator('tbody tr'), 100);
    await page.getByRole('button', { name: /Show 100 more of 9900/ }).click();
    await counted(page.locator('tbody tr'), 200);
    // Another page begins at its top, and the way back leads to where one was.
    const place = () => page.evaluate(() => Math.round(window.scrollY));
    await page.getByText('http://i90/metrics').scrollIntoViewIfNeeded();
    const before = await place();
    assert.ok(before > 500, `${before}`);
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Flags' }).click();
    await page.getByRole('cell', { name: '--query.timeout' }).waitFor();
    await page.waitForFunction(() => window.scrollY === 0);
    await page.goBack();
    await page.getByText('http://i90/metrics').waitFor();
    await page.waitForFunction((at) => Math.abs(window.scrollY - at) < 200, before);
    await page.getByRole('button', { name: /Show 100 more of 9900/ }).click();
    await counted(page.locator('tbody tr'), 200);
    // However fast somebody writes, no letter is lost.
    await page.getByLabel('Filter by address').focus();
    await page.keyboard.type('instance=i9999');
    assert.equal(await page.getByLabel('Filter by address').inputValue(), 'instance=i9999');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.getByText('http://i9999/metrics').waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 200);
  },

  'service discovery: what was found, what became of it, what was dropped': async (page) => {
    await page.goto('/service-discovery');
    const pool = page.locator('details.card', { hasText: '1 active, 1 dropped' });
    await pool.locator('summary').click();
    await pool.getByText('drop="me"').waitFor();
    await pool.getByText('dropped', { exact: true }).first().waitFor();
    await pool.getByText('__scheme__="http"').first().waitFor();
    // The rule that has dropped it says so.
    await pool.getByRole('button', { name: 'Relabelling' }).last().click();
    const steps = pool.locator('ol.steps');
    await steps.getByText('action: drop').waitFor();
    await steps.getByText('dropped', { exact: true }).waitFor();
    await page.screenshot({ path: picture('discovery opened') });
    await page.getByLabel('Filter by pool or label').fill('nothing has this');
    await page.getByText('Nothing was found.').waitFor();
  },

  'tsdb status: the head, the top lists, more of them': async (page) => {
    await page.goto('/tsdb-status');
    await page.getByRole('heading', { name: 'Metric names with the most series' }).waitFor();
    const rows = page.locator('section', { hasText: 'Metric names with' }).locator('tbody tr');
    await counted(rows, 10);
    await page.getByLabel('Entries of each list').selectOption('25');
    await page.waitForURL(/limit=25/);
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 50);
    // The block of yesterday.
    const blocks = page.locator('section', { has: page.getByRole('heading', { name: 'Blocks' }) });
    const row = blocks.getByRole('row', { name: new RegExp(`^01[0-9A-Z]{24} 2.* ${YESTERDAY} \\d+ 1$`) });
    await row.first().waitFor();
    await page.screenshot({ path: picture('blocks'), fullPage: true });
  },

  'configuration: as the server runs with it': async (page) => {
    await page.goto('/config');
    await page.getByText('job_name: gone').waitFor();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /job_name: gone/);
    // Pages of HTTP, on any machine but one's own, have no clipboard.
    await page.evaluate(() => navigator.clipboard.writeText('older'));
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined }));
    await page.reload();
    await page.getByText('job_name: gone').waitFor();
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    await page.getByRole('link', { name: 'Flags' }).click();
    await page.getByLabel('Filter by name or value').focus();
    await page.keyboard.press('Control+V');
    assert.match(await page.getByLabel('Filter by name or value').inputValue(), /job_name: gone/);
  },

  'configuration: that of the Alertmanager inside': async (page) => {
    await page.goto('/config');
    await page.getByRole('heading', { name: 'Alertmanager', exact: true }).click();
    await page.getByLabel('Configuration of the Alertmanager').getByText('receiver: nobody').waitFor();
    await accessible(page, 'the config of the Alertmanager');
  },

  'flags: all, and those that fit': async (page) => {
    await page.goto('/flags');
    await page.getByRole('cell', { name: '--query.timeout' }).waitFor();
    await page.getByLabel('Filter by name or value').fill('admin');
    await page.getByRole('cell', { name: '--web.enable-admin-api' }).waitFor();
    await counted(page.locator('tbody tr'), 1);
  },

  'status: build and runtime': async (page) => {
    await page.goto('/status');
    await page.getByText('Worker threads').waitFor();
    await page.getByText(/^3\.\d+\.\d+$/).waitFor();
    const inside = page.locator('section', { has: page.getByRole('heading', { name: 'Alertmanager inside' }) });
    await inside.getByText('disabled').waitFor();
    const licences = await page.getByRole('link', { name: /^Licences/ }).evaluate((link) => link.href);
    assert.match(await (await page.request.get(licences)).text(), /react-dom 19\./);
  },

  'plugins: how each is, what it may reach, its log, and a reload': async (page) => {
    await page.goto('/plugins');
    const card = page.locator('details.card', { has: page.getByRole('heading', { name: 'node', exact: true }) });
    await card.locator('summary').first().click();
    await card.getByRole('heading', { name: 'It asks for' }).waitFor();
    await card.getByText('as it comes with the binary').waitFor();
    await card.getByText(/^[0-9a-f]{64}$|^sha256:[0-9a-f]{64}$/).waitFor();
    await card.getByLabel('Log of node').waitFor();
    await page.screenshot({ path: picture('plugin opened') });
    await card.getByRole('button', { name: 'Reload' }).click();
    await card.getByRole('button', { name: 'Reload' }).and(page.locator(':not([data-loading])')).waitFor();
    assert.equal(await card.getByRole('alert').count(), 0);
  },

  'navigation: every page is reached by the keyboard and says where one is': async (page) => {
    await page.goto('/query');
    const navigation = page.getByRole('navigation', { name: 'Pages' });
    await navigation.getByRole('link').first().waitFor();
    const names = await navigation.getByRole('link').allInnerTexts();
    assert.equal(names.length, 13, names.join(', '));
    // Past all of them there is one key.
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip the navigation');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'MAIN');
    for (const name of names) {
      const link = navigation.getByRole('link', { name, exact: true });
      await link.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
      assert.equal(await link.getAttribute('aria-current'), 'page');
    }
  },

  'a server that starts is waited for': async (page) => {
    await page.route('**/api/v1/targets?*', (route) =>
      route.fulfill({ status: 503, contentType: 'text/plain', body: 'Service Unavailable' }),
    );
    await page.route('**/-/ready', (route) => route.fulfill({ status: 503, body: 'not ready' }));
    await page.goto('/targets');
    await page.getByText('The server is starting').waitFor();
    await page.unrouteAll();
    await page.getByText('1 of 1 up').first().waitFor();
    // What it will have is not known yet either, for who follows a link of a notification just then.
    const meta = (has) => `<meta name="narthex-alertmanager" content="${has}" />`;
    await page.route('**/silences', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace(meta(true), meta(false)) });
    });
    await page.route('**/-/ready', (route) => route.fulfill({ status: 503, body: 'not ready' }));
    await page.goto('/silences');
    await page.getByText('The server is starting').waitFor();
    await page.unrouteAll();
    await page.getByRole('link', { name: 'New silence' }).waitFor();
    page.forgetErrors(/status of 503/);
  },

  'a server that goes away is waited for, and what was asked in vain is asked again': async (page) => {
    const context = page.context();
    await page.goto('/query?g0.expr=up&g0.tab=table&refresh=1s');
    const rows = page.getByRole('cell', { name: /job="node"/ });
    await rows.first().waitFor();
    await context.setOffline(true);
    const away = page.getByText('The server cannot be reached');
    await away.waitFor();
    // The last answer stays, and says of when it is.
    await page.getByText(/series in .*, as of \d{4}-/).waitFor();
    await rows.first().waitFor();
    await context.setOffline(false);
    await away.waitFor({ state: 'detached' });
    await rows.first().waitFor();

    // A page whose files are not loaded yet is there when the server is.
    await context.setOffline(true);
    await page.getByRole('link', { name: 'Flags' }).click();
    await page.getByText('Loading').waitFor();
    await context.setOffline(false);
    await page.getByRole('cell', { name: '--query.timeout' }).waitFor();
    await page.goto('/targets?refresh=1s');
    await page.getByText('1 of 1 up').first().waitFor();
    await context.setOffline(true);
    await away.waitFor();
    await page.getByText('1 of 1 up').first().waitFor();
    await context.setOffline(false);
    await away.waitFor({ state: 'detached' });
    page.forgetErrors(/ERR_INTERNET_DISCONNECTED/);
  },

  'a session that has ended is told as that, and an answer that is none breaks no navigation': async (page) => {
    const answer = (response) => page.route('**/api/v1/rules*', (route) => route.fulfill(response));
    const html = { contentType: 'text/html', body: '<!doctype html><title>Sign in</title>' };
    for (const response of [html, { ...html, status: 401 }, { status: 302, headers: { Location: '/flags' } }]) {
      await answer(response);
      await page.goto('/rules');
      await page.getByText('Error: logged out').waitFor();
      await page.unrouteAll();
      await page.getByRole('button', { name: 'Load the page again' }).click();
      await page.getByText('job:up:sum', { exact: true }).waitFor();
    }
    await answer({ status: 502, contentType: 'text/html', body: '<title>502 Bad Gateway</title>' });
    await page.goto('/rules');
    await page.getByText('502: 502 Bad Gateway').waitFor();
    await page.unrouteAll();
    await answer({ contentType: 'application/json', body: '{"status":"success","data":{"groups":[{}]}}' });
    await page.goto('/rules');
    await page.getByText('The page does not work').waitFor();
    await page.getByRole('link', { name: 'Targets' }).click();
    await page.getByText('1 of 1 up').first().waitFor();
    page.forgetErrors(/status of (401|502)|TypeError|page: /);
  },

  'a page that there is not says so': async (page) => {
    await page.goto('/silences/nothing/here');
    await page.getByText('There is no such page here.').waitFor();
    assert.equal((await page.request.get('/nothing')).status(), 404);
    // Prometheus' pages that have another name here.
    for (const path of ['/agent', '/alertmanager-discovery']) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1, name: 'Runtime and build' }).waitFor();
    }
    await page.goto('/stores');
    await page.getByText('answers from its own store').waitFor();
  },
};
