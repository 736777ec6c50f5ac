// Every page in light, in dark and on a phone: a picture of each to look at, nothing that axe finds
// serious, and nothing wider than the phone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { libraries, picture } from './browser.mjs';

const axe = readFileSync(libraries.resolve('axe-core/axe.min.js'), 'utf8');

/** Each page, and a text that says that it is there. */
export const PAGES = [
  ['query', '/query?g0.expr=sum+by+(mode)+(rate(node_cpu_seconds_total[1m]))', 'idle'],
  ['graph', '/query?g0.expr=rate(prometheus_http_requests_total[30s])&g0.tab=graph&g0.range_input=2m', 'handler'],
  ['stacked', '/query?g0.expr=sum+by+(mode)+(rate(node_cpu_seconds_total[15s]))&g0.tab=graph&g0.range_input=2m&g0.stacked=1', 'idle'],
  ['explain', '/query?g0.expr=sum+by+(job)+(rate(up[5m]))+/+on+(job)+group_left+up&g0.tab=explain', 'Pairs series'],
  ['dashboards', '/dashboards', 'Redis'],
  ['dashboard', '/dashboards/narthex?range=2m', 'Samples a second'],
  ['dashboard of a plugin', '/dashboards/node?range=2m', 'Processors'],
  ['alerts', '/alerts', 'TargetGone'],
  ['rules', '/rules', 'broken:record'],
  ['silences', '/silences', 'New silence'],
  ['silence', '/silences/new', 'Preview'],
  ['targets', '/targets', 'rack'],
  ['discovery', '/service-discovery', 'dropped'],
  ['plugins', '/plugins', 'node'],
  ['tsdb', '/tsdb-status', 'Head'],
  ['status', '/status', 'Worker threads'],
  ['config', '/config', 'job_name'],
  ['flags', '/flags', '--query.timeout'],
];

const SERIOUS = ['serious', 'critical'];

export async function visit(page, path, text) {
  await page.goto(path);
  await page.getByRole('main').getByText(text).first().waitFor();
  if (path.includes('tab=graph') || path.includes('stacked')) {
    await page.locator('.plot canvas').waitFor();
  }
  if (path.startsWith('/dashboards/')) {
    await page.locator('.stat-value, .board-plot canvas').first().waitFor();
  }
}

/** Nothing that axe finds serious. */
export async function accessible(page, name) {
  // By the debugger, as the page's policy lets no script of others in.
  await page.evaluate(axe);
  const faults = await page.evaluate(async (impacts) => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((one) => impacts.includes(one.impact))
      .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html} ${node.failureSummary}`));
  }, SERIOUS);
  assert.deepEqual(faults, [], name);
}

export const stories = {
  ...Object.fromEntries(
    ['light', 'dark'].map((scheme) => [
      `looks: ${scheme}, and for people who do not see it`,
      async (page) => {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        for (const [name, path, text] of PAGES) {
          await visit(page, path, text);
          await page.screenshot({ path: picture(`${name} ${scheme}`) });
          await accessible(page, `${name} ${scheme}`);
        }
      },
    ]),
  ),

  'looks: on a phone nothing is wider than its 390 pixels': async (page) => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [name, path, text] of PAGES) {
      await visit(page, path, text);
      await page.screenshot({ path: picture(`${name} phone`) });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 390, `${name} is ${width} pixels wide`);
      await accessible(page, `${name} on a phone`);
    }
    await page.getByRole('button', { name: 'Navigation' }).click();
    const rules = page.getByRole('link', { name: 'Rules' });
    // A click waits until the navigation has slid in.
    await rules.click({ trial: true });
    await page.screenshot({ path: picture('navigation phone') });
    await rules.click();
    await page.getByRole('heading', { level: 1, name: 'Rules' }).waitFor();
  },

  'looks: the colours are changed by hand, and stay': async (page) => {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto('/flags');
    const scheme = () => page.locator('html').getAttribute('data-mantine-color-scheme');
    assert.equal(await scheme(), 'light');
    await page.getByRole('button', { name: /change to light/ }).click();
    await page.getByRole('button', { name: /change to dark/ }).click();
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
    await page.reload();
    await page.getByRole('cell', { name: '--query.timeout' }).waitFor();
    assert.equal(await scheme(), 'dark');
  },

  'looks: how long the first page takes': async (page) => {
    await page.goto('/query');
    await page.getByRole('textbox', { name: 'Expression 1' }).waitFor();
    const { bytes, ready } = await page.evaluate(() => ({
      bytes: performance
        .getEntriesByType('resource')
        .filter((entry) => entry.name.includes('/assets/'))
        .reduce((sum, entry) => sum + entry.encodedBodySize, 0),
      ready: Math.round(performance.now()),
    }));
    console.log(`      the page of queries: ${bytes} bytes of files, usable after ${ready} ms`);
    assert.ok(bytes < 350_000, `${bytes} bytes`);
  },
};
