// Every page in light, in dark and on a phone: a picture of each to look at, nothing that axe finds
// serious, and nothing wider than the phone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { libraries, picture } from './browser.mjs';
import { SECRET } from './server.mjs';

const axe = readFileSync(libraries.resolve('axe-core/axe.min.js'), 'utf8');

/** Each page, and a text that says that it is there. */
const PAGES = [
  ['query', '/query?g0.expr=sum+by+(mode)+(rate(node_cpu_seconds_total[1m]))', 'idle'],
  ['graph', '/query?g0.expr=rate(prometheus_http_requests_total[30s])&g0.tab=graph&g0.range_input=2m', 'handler'],
  ['stacked', '/query?g0.expr=sum+by+(mode)+(rate(node_cpu_seconds_total[15s]))&g0.tab=graph&g0.range_input=2m&g0.stacked=1', 'idle'],
  ['explain', '/query?g0.expr=sum+by+(job)+(rate(up[5m]))+/+on+(job)+group_left+up&g0.tab=explain', 'Pairs series'],
  ['dashboards', '/dashboards', 'Redis'],
  ['dashboard', '/dashboards/narthex?range=2m', 'Samples a second'],
  ['dashboard of a plugin', '/dashboards/node?range=2m', 'Processors'],
  ['alerts', '/alerts', 'TargetGone'],
  ['rules', '/rules', 'broken:record'],
  ['alert groups', '/alert-groups?state=all', 'TargetGone'],
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

async function visit(page, path, text) {
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

/** So many places of a page are gone to with the Tab key. */
const TABS = 12;

/** What answers to a click answers to the keyboard, too, and one sees where one is. */
async function byKeyboard(page, name) {
  const faults = await page.evaluate(() => {
    const reached = 'a[href], button, input, select, textarea, summary, label, option, [tabindex]';
    // Whatever looks as if it could be pressed.
    return [...document.querySelectorAll('body *')]
      .filter((one) => getComputedStyle(one).cursor === 'pointer')
      .filter((one) => one.getClientRects().length > 0 && one.closest(reached) === null)
      // What lies around a field and its label is there for these.
      .filter((one) => one.querySelector('label') === null)
      .map((one) => one.outerHTML.slice(0, 200));
  });
  assert.deepEqual(faults, [], `${name}: pressed by a mouse alone`);
  await page.evaluate(() => {
    const first = document.querySelector('main').querySelector('a[href], button, input, select, summary');
    first?.focus();
  });
  for (let tab = 0; tab < TABS; tab += 1) {
    await page.keyboard.press('Tab');
    const unseen = await page.evaluate(() => {
      const one = document.activeElement;
      if (one === null || one === document.body) return '';
      // The caret shows where one writes; the editor notes a moment later that it has the focus.
      if (one.isContentEditable) return '';
      // A field may show it around itself.
      const around = [one, one.parentElement, one.parentElement?.parentElement].filter(Boolean);
      const looks = () =>
        around.map((element) => {
          const style = getComputedStyle(element);
          // A colour that changes slowly is looked at when it has changed.
          for (const animation of element.getAnimations()) animation.finish();
          return [style.outline, style.boxShadow, style.borderColor, style.backgroundColor].join();
        }).join();
      const focused = looks();
      one.blur();
      const plain = looks();
      one.focus();
      return focused === plain ? one.outerHTML.slice(0, 200) : '';
    });
    assert.equal(unseen, '', `${name}: nothing shows that the keyboard is here`);
  }
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
          assert.ok(!(await page.content()).includes(SECRET), `${name} has a secret`);
          if (scheme === 'light') await byKeyboard(page, name);
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
    await page.getByRole('button', { name: 'Navigation', exact: true }).click();
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
