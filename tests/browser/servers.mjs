// The application below a route prefix, and that of an agent.
import assert from 'node:assert/strict';
import { accessible } from './looks.mjs';
import { startAgent, startQuerier, startServer } from './server.mjs';

export const stories = {
  'agent: it has pages for what it does, and none for queries': async (page, live) => {
    const agent = await startAgent(live.binary);
    try {
      await page.context().unrouteAll();
      await page.goto(agent.url);
      await page.waitForURL(`${agent.url}/targets`);
      await page.getByText('1 of 1 up').or(page.getByText('0 of 1 up')).waitFor();
      const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
      const names = await links.allInnerTexts();
      assert.deepEqual(names.filter((name) => /Query|Alerts|Rules|Silences|TSDB/.test(name)), []);
      await links.filter({ hasText: 'Runtime and build' }).click();
      await page.getByText('Worker threads').waitFor();
      await page.goto(`${agent.url}/query`);
      await page.getByText('answers no queries').waitFor();
    } finally {
      await page.goto('about:blank');
      await agent.stop();
    }
  },

  'querier: it lists its stores, and what is missing of an answer is said': async (page, live) => {
    const querier = await startQuerier(live.binary);
    try {
      await page.context().unrouteAll();
      await page.goto(`${querier.url}/query?g0.expr=up&g0.deduplicate=0`);
      await page.getByText('Warnings').waitFor();
      await page.getByText(querier.gone).first().waitFor();
      // Thanos' word for it, in its addresses too.
      const [asked] = await Promise.all([
        page.waitForRequest('**/api/v1/query'),
        page.getByRole('checkbox', { name: 'Each replica' }).uncheck(),
      ]);
      assert.doesNotMatch(asked.postData(), /dedup/);
      await page.waitForURL((url) => !url.search.includes('deduplicate'));
      await page.getByRole('link', { name: 'Stores' }).click();
      const row = page.getByRole('row', { name: querier.gone });
      await row.getByText('down', { exact: true }).waitFor();
      await row.locator('pre[aria-label="Last error"]').waitFor();
      await accessible(page, 'stores');
      assert.equal(await page.getByRole('link', { name: 'Silences' }).count(), 0);
    } finally {
      await page.goto('about:blank');
      await querier.stop();
    }
  },

  'prefix: every path is found below it': async (page, live) => {
    const below = await startServer(live.binary, { prefix: '/a/b' });
    try {
      // The context lets only the first server be asked; this one is a server of ours, too.
      await page.context().unrouteAll();
      const { origin } = new URL(below.url);
      await page.goto(`${origin}/`);
      await page.waitForURL(`${origin}/a/b/query`);
      await page.getByRole('textbox', { name: 'Expression 1' }).click();
      await page.keyboard.type('node_loa');
      await page.getByRole('option', { name: /node_load15/ }).waitFor();
      await page.keyboard.press('Escape');
      await page.goto(`${origin}/a/b/graph?g0.expr=up&g0.tab=0`);
      await page.waitForURL(/\/a\/b\/query\?g0\.expr=up/);
      await page.locator('.plot canvas').waitFor();
      await page.getByRole('link', { name: 'Silences' }).click();
      await page.waitForURL(`${origin}/a/b/silences`);
      await page.goto(`${origin}/a/b/silences/new`);
      await page.getByRole('textbox', { name: 'Label 1' }).waitFor();
      await page.getByRole('link', { name: 'Targets' }).click();
      await page.waitForURL(`${origin}/a/b/targets`);
      await page.getByRole('link', { name: `http://${below.node}/metrics` }).waitFor();
      assert.equal(await page.locator('base').evaluate((base) => base.href), `${origin}/a/b/`);
    } finally {
      await page.goto('about:blank');
      await below.stop();
    }
  },
};
