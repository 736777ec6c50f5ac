// Names and values that are markup stay texts, on every page that shows them.
import assert from 'node:assert/strict';
import { MARKUP } from './server.mjs';

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
  ['/targets', MARKUP],
  ['/service-discovery?search=canary', 'hostile'],
  ['/tsdb-status?limit=100', MARKUP],
  ['/config', MARKUP],
  [`/silences/new?matchers=${encodeURIComponent(JSON.stringify([{ name: MARKUP, value: MARKUP }]))}`, 'Matchers'],
  [`/flags?search=${encodeURIComponent(MARKUP)}`, 'Flag'],
];

async function check(page, where) {
  const found = await page.evaluate(() => ({
    canary: window.canary,
    markup: document.querySelectorAll('img, [onerror], body script:not([src])').length,
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
