// Names and values that are markup stay texts, on every page that shows them.
import assert from 'node:assert/strict';
import { CORPUS, MARKUP, SECRET } from './server.mjs';

/**
 * Where what others have named is shown, a text that says that it is, and one that is there when
 * all is opened.
 */
const PLACES = [
  [`/query?g0.expr=${encodeURIComponent('{job="hostile"}')}`, MARKUP],
  [`/query?g0.expr=${encodeURIComponent('{job="hostile"}')}&g0.tab=graph&g0.range_input=1m`, 'window.canary'],
  [`/query?g0.expr=${encodeURIComponent(`"${MARKUP}`)}`, 'parse error'],
  ['/alerts', MARKUP],
  ['/rules', 'TargetGone', MARKUP],
  ['/alert-groups?state=all', MARKUP],
  ['/rules?search=markup', MARKUP],
  ['/targets', MARKUP],
  ['/service-discovery?search=canary', 'hostile'],
  ['/tsdb-status?limit=100', MARKUP],
  ['/config', MARKUP],
  [`/silences/new?matchers=${encodeURIComponent(JSON.stringify([{ name: MARKUP, value: MARKUP }]))}`, 'Matchers'],
  [`/flags?search=${encodeURIComponent(MARKUP)}`, 'Flag'],
];

/** What the server answers about itself. */
const API = [
  '/api/v1/status/config', '/api/v1/status/flags', '/api/v1/status/runtimeinfo',
  '/api/v1/status/buildinfo', '/api/v1/status/tsdb?limit=1000', '/api/v1/targets', '/api/v1/scrape_pools',
  '/api/v1/targets/metadata', '/api/v1/rules', '/api/v1/alerts', '/api/v1/alertmanagers',
  '/api/v1/plugins', '/api/v1/plugins/node', '/api/v1/plugins/node/logs', '/api/v1/features',
  '/api/v1/notifications', '/api/v1/dashboards', '/api/v1/saved_queries',
  `/api/v1/series?match[]=${encodeURIComponent('{__name__!=""}')}`,
  '/api/v2/status', '/api/v2/receivers', '/api/v2/alerts', '/api/v2/alerts/groups', '/api/v2/silences',
  '/metrics', '/version', '/federate?match[]=up',
];

async function check(page, where) {
  const found = await page.evaluate(() => ({
    canary: window.canary,
    markup: document.querySelectorAll(
      'img, iframe, math, [onerror], [onload], [onmouseover], a[href^="javascript" i], body script:not([src])',
    ).length,
  }));
  assert.deepEqual(found, { canary: undefined, markup: 0 }, where);
}

export const stories = {
  'hostile: no name becomes markup on any page': async (page) => {
    for (const [path, text, inside = text] of PLACES) {
      await page.goto(path);
      await page.getByText(text).first().waitFor();
      await page.evaluate(() => {
        for (const closed of document.querySelectorAll('details')) closed.open = true;
      });
      await page.getByText(inside).first().waitFor();
      await check(page, path);
    }
    page.forgetErrors(/status of 400/);
  },

  'hostile: whatever a value is made of, it is shown as it is': async (page) => {
    const expr = encodeURIComponent('hostile_corpus');
    const shown = async (texts) => {
      for (const text of CORPUS) assert.ok(texts.includes(text), text);
    };
    await page.goto(`/query?g0.expr=${expr}`);
    await page.getByText(`${CORPUS.length} series in`).waitFor();
    const cells = await page.locator('tbody tr').allTextContents();
    await shown(cells.map((text) => /payload="([^]*)"1$/.exec(text)?.[1]));
    await check(page, 'the table');
    // A press on such a label asks for it, and the answer is that series.
    for (const text of ['__proto__', '{{constructor']) {
      await page.goto(`/query?g0.expr=${expr}`);
      await page.getByRole('button', { name: `payload="${text}` }).click();
      await page.getByText(/^1 series in/).waitFor();
    }
    await page.goto(`/query?g0.expr=${expr}&g0.tab=graph&g0.range_input=1m`);
    await page.locator('.plot canvas').waitFor();
    await page.getByRole('list', { name: 'Series' }).getByText('srcdoc').waitFor();
    await check(page, 'the graph');
    await page.goto(`/query?g0.expr=${encodeURIComponent('sum by (payload) (hostile_corpus)')}&g0.tab=explain`);
    await page.getByText(`payload ${CORPUS.length}`).first().waitFor();
    await check(page, 'the explanation');

    await page.goto('/tsdb-status?limit=100');
    await page.getByRole('textbox', { name: 'Selector' }).fill('hostile_corpus');
    await page.getByRole('textbox', { name: 'Label', exact: true }).fill('payload');
    await page.getByRole('button', { name: 'Count' }).click();
    const counts = page.locator('section', {
      has: page.getByRole('heading', { name: 'Series by a label' }),
    });
    await counts.getByText('toString', { exact: true }).waitFor();
    await shown(await counts.locator('tbody td:first-child').allTextContents());
    await check(page, 'the counts');
  },

  'hostile: what a plugin or a registry says of itself is text': async (page) => {
    // A registry may list what it likes, and a plugin may say and fail with what it likes.
    const answer = (data) => (route) => route.fulfill({ json: { status: 'success', data } });
    const failure = { timeMs: 1, job: MARKUP, error: MARKUP, backtrace: CORPUS.join('\n') };
    await page.route('**/api/v1/plugins', async (route) => {
      const { data } = await (await route.fetch()).json();
      const odd = { ...data[0], name: MARKUP, description: MARKUP, version: MARKUP, jobs: [MARKUP], lastError: MARKUP };
      await route.fulfill({ json: { status: 'success', data: [odd] } });
    });
    await page.route('**/api/v1/plugins/%3C*', (route) =>
      answer({
        name: MARKUP, description: MARKUP, world: MARKUP, state: 'running', version: MARKUP,
        digest: MARKUP, source: MARKUP, signedBy: MARKUP, previousVersion: MARKUP,
        requests: { tcp: CORPUS }, grant: { tcp: CORPUS }, denied: { [MARKUP]: 1 },
        memoryLimitBytes: 1, timeoutSeconds: 1, concurrency: 1, calls: { [MARKUP]: 1 },
        failures: [failure], lastError: MARKUP,
        jobs: [{
          name: MARKUP, warmInstances: 1, running: 1, memoryBytes: 1,
          quarantined: [{ target: MARKUP, untilMs: 1, error: MARKUP }],
        }],
      })(route),
    );
    await page.route('**/api/v1/plugins/*/logs?*', (route) =>
      route.fulfill({
        contentType: 'application/x-ndjson',
        body: `${JSON.stringify({ timeMs: 1, level: 'info', job: MARKUP, message: MARKUP })}\n`,
      }),
    );
    await page.route(
      '**/api/v1/plugins/available',
      answer([{ name: MARKUP, description: MARKUP, world: MARKUP, versions: [MARKUP] }]),
    );
    await page.route(
      '**/api/v1/plugins/install',
      answer({
        name: MARKUP, version: MARKUP, world: MARKUP, description: MARKUP, digest: MARKUP,
        componentBytes: 1, files: [MARKUP], signedBy: MARKUP, refused: MARKUP, from: MARKUP,
        isInstalled: false, isDowngrade: false, wasRolledBack: false, requests: { tcp: [MARKUP] },
        beyond: { tcp: [MARKUP] }, ungranted: { tcp: [MARKUP] }, paste: MARKUP, approve: MARKUP,
        changed: false,
      }),
    );
    await page.goto('/plugins');
    const card = page.locator('details.card', {
      has: page.getByRole('heading', { name: MARKUP, exact: true }),
    });
    await card.locator('summary').first().click();
    await card.getByText('It asks for').waitFor();
    await card.locator('pre.log', { hasText: 'window.canary' }).waitFor();
    await card.locator('pre.bad', { hasText: 'srcdoc' }).waitFor();
    await check(page, 'a plugin');
    const panel = page.locator('details.card', {
      has: page.getByRole('heading', { name: 'Install a plugin' }),
    });
    await panel.locator('summary').click();
    await panel.getByRole('button', { name: `Look at ${MARKUP}` }).click();
    await panel.getByText('It may not be installed').waitFor();
    await check(page, 'an offer');
  },

  'hostile: a secret of a config is on no page, in no answer, no log and no metric': async (page, live) => {
    const hides = (text, where) => assert.ok(!text.includes(SECRET), `${where} has a secret`);
    for (const path of API) {
      const answer = await fetch(`${live.url}${path}`);
      assert.equal(answer.status, 200, path);
      hides(await answer.text(), path);
    }
    // What stands on the pages is looked at where all of them are: in `looks`.
    await page.goto('/config');
    await page.getByText('password: <secret>').first().waitFor();
    hides(await page.content(), 'the page of the config');
    hides(live.said(), 'the log');
  },

  'hostile: nor in completions and the tip of a graph': async (page) => {
    await page.goto('/query');
    await page.getByRole('textbox', { name: 'Expression 1' }).click();
    await page.keyboard.type('hostile{value="');
    await page.getByRole('option', { name: /window\.canary/ }).waitFor();
    await check(page, 'completions');
    await page.goto('/query?g0.expr=hostile&g0.tab=graph&g0.range_input=1m');
    await page.locator('.plot canvas').waitFor();
    const over = await page.locator('.plot .u-over').boundingBox();
    await page.mouse.move(over.x + over.width - 4, over.y + over.height / 3);
    await page.locator('.plot-tip').getByText(/window\.canary/).waitFor();
    await check(page, 'tip');
  },

  'hostile: a silence of such labels is made and shown as text': async (page) => {
    await page.goto('/alerts?search=TargetGone');
    await page.getByRole('link', { name: 'Silence', exact: true }).first().click();
    await page.getByRole('textbox', { name: 'Author' }).fill(MARKUP);
    await page.getByRole('textbox', { name: 'Comment' }).fill(MARKUP);
    await page.getByRole('button', { name: 'Preview alerts' }).click();
    await page.getByText('would be muted').waitFor();
    await check(page, 'preview');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL(/\/silences$/);
    await page.getByText(MARKUP).first().waitFor();
    await check(page, 'silences');
    const card = page.locator('article', { hasText: MARKUP }).first();
    await card.getByRole('button', { name: 'Expire' }).click();
    await card.getByRole('button', { name: 'Expire now' }).click();
    await page.locator('article', { hasText: 'TargetGone' }).waitFor({ state: 'detached' });
  },

  'hostile: the policy stops what would be written into the page': async (page) => {
    await page.goto('/query');
    await page.getByRole('button', { name: 'Run' }).waitFor();
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.canary = 4';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.canary = 5">');
    });
    await page.waitForFunction(() => document.querySelector('img[src="x"]').complete);
    assert.equal(await page.evaluate(() => window.canary), undefined);
    page.forgetErrors(/Content Security Policy|404/);
  },
};
