// Dashboards: those that are there, one that somebody writes while the server runs, and one that
// somebody with bad intent has written.
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { counted, picture } from './browser.mjs';
import { MARKUP } from './server.mjs';

const panel = (title, kind, spec, ...queries) => ({
  kind: 'Panel',
  spec: {
    display: { name: title },
    plugin: { kind, spec },
    queries: queries.map((query) => ({
      kind: 'TimeSeriesQuery',
      spec: { plugin: { kind: 'PrometheusTimeSeriesQuery', spec: { query } } },
    })),
  },
});

/** Two panels a row, all in one layout. */
function dashboard(name, title, panels, variables = []) {
  const entries = panels.map((one, place) => [`p${place}`, one]);
  const items = entries.map(([id], place) => ({
    x: (place % 2) * 12,
    y: Math.floor(place / 2) * 6,
    width: 12,
    height: 6,
    content: { $ref: `#/spec/panels/${id}` },
  }));
  return JSON.stringify({
    kind: 'Dashboard',
    metadata: { name },
    spec: {
      display: { name: title, description: title },
      duration: '2m',
      variables,
      panels: Object.fromEntries(entries),
      layouts: [{ kind: 'Grid', spec: { display: { title }, items } }],
    },
  });
}

const listVariable = (name, labelName, matcher, spec = {}) => ({
  kind: 'ListVariable',
  spec: {
    name,
    ...spec,
    plugin: { kind: 'PrometheusLabelValuesVariable', spec: { labelName, matchers: [matcher] } },
  },
});

/** As an editor puts a file in its place: it is never half written. */
function put(live, file, text) {
  writeFileSync(join(live.boards, '.new'), text);
  renameSync(join(live.boards, '.new'), join(live.boards, file));
}

const MINE = dashboard(
  'mine',
  'Mine',
  [
    panel('Of $job', 'TimeSeriesChart', { visual: { stack: 'all' } }, 'up{job=~"$job"}'),
    panel('Up', 'StatChart', { calculation: 'last-number', sparkline: {} }, 'sum(max_over_time(up{job=~"$job"}[1m]))'),
    panel('Part', 'GaugeChart', { calculation: 'last', format: { unit: 'percent-decimal' } }, 'avg(max_over_time(up{job=~"$job"}[1m]))'),
    panel('All of them', 'Table', { columnSettings: [{ name: 'value', sort: 'asc' }] }, 'max_over_time(up{job=~"$job"}[1m])'),
    panel('Requests', 'HeatMapChart', { yAxisFormat: { unit: 'seconds' } }, 'sum by (le) (prometheus_http_request_duration_seconds_bucket)'),
    panel('Note', 'Markdown', { text: '# of $word' }),
  ],
  [
    listVariable('job', 'job', 'up', { display: { name: 'Job' }, allowMultiple: true, allowAllValue: true, defaultValue: '$__all' }),
    { kind: 'TextVariable', spec: { name: 'word', value: 'nothing', display: { name: 'Word' } } },
  ],
);

export const stories = {
  'dashboards: the server and each plugin bring theirs, and each is drawn': async (page) => {
    await page.goto('/dashboards');
    await page.getByRole('row', { name: /Redis.*plugin redis/ }).waitFor();
    await page.getByLabel('Filter by title, purpose or origin').fill('this server');
    await counted(page.locator('tbody tr'), 1);
    await page.getByRole('link', { name: 'Narthex', exact: true }).last().click();
    await page.waitForURL(/\/dashboards\/narthex$/);
    await page.getByRole('heading', { level: 1, name: 'Narthex' }).waitFor();
    const series = page.getByRole('region', { name: 'Series in memory' }).first();
    await series.locator('.stat-value', { hasText: /^[0-9.]+k?$/ }).waitFor();
    const appended = page.getByRole('region', { name: 'Samples appended' });
    await appended.locator('canvas').waitFor();
    await appended.getByRole('button', { name: /float/ }).waitFor();
    const heat = page.getByRole('img', { name: /^Duration of requests: Heatmap of \d+ buckets/ });
    await heat.locator('canvas').waitFor();
    await heat.focus();
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('status').getByText(/^from .* to /).waitFor();
  },

  'dashboards: a file is found while the server runs, and its last good text stays': async (page, live) => {
    put(live, 'mine.json', MINE);
    put(live, 'broken.yml', 'kind: Dashboard\nmetadata: {name: broken}\nspec: {panels: 7}\n');
    await page.goto('/dashboards');
    const broken = page.getByRole('row', { name: /broken\.yml/ });
    await broken.getByText('spec.panels: it is not an object').waitFor();
    await page.getByRole('link', { name: 'Mine' }).click();
    await page.getByRole('heading', { level: 1, name: 'Mine' }).waitFor();
    put(live, 'mine.json', '{');
    await page.reload();
    await page.getByRole('alert').getByText(/mine\.json is not taken.*line 1 column 1/).waitFor();
    await page.getByRole('region', { name: 'Up' }).locator('.stat-value').waitFor();
    put(live, 'mine.json', MINE);
    rmSync(join(live.boards, 'broken.yml'));
    await page.reload();
    await page.getByRole('region', { name: 'Up' }).locator('.stat-value').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.goto('/dashboards/nobody');
    await page.getByText('no dashboard is named "nobody"').waitFor();
    page.forgetErrors(/status of 404/);
  },

  'dashboards: variables and time are in the address': async (page, live) => {
    put(live, 'mine.json', MINE);
    await page.goto('/dashboards/mine');
    const up = page.getByRole('region', { name: 'Up', exact: true }).locator('.stat-value');
    await up.getByText('4', { exact: true }).waitFor();
    const table = page.getByRole('region', { name: 'Table of All of them' });
    await counted(table.locator('tbody tr'), 5);
    // What is down comes first, as the file wants it; a press on the name turns that round.
    assert.match(await table.locator('tbody tr').first().innerText(), /gone/);
    await table.getByRole('button', { name: /^value/ }).click();
    await table.getByRole('columnheader', { name: /^value/ }).and(page.locator('[aria-sort]')).waitFor();

    await page.locator('.several summary').click();
    await page.getByRole('checkbox', { name: 'narthex' }).check();
    await page.waitForURL(/var-job=narthex/);
    await up.getByText('1', { exact: true }).waitFor();
    await page.getByRole('checkbox', { name: 'node' }).check();
    await up.getByText('2', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { level: 3, name: 'Of narthex, node' }).waitFor();
    await page.getByRole('textbox', { name: 'Word' }).fill('<b>mine</b>');
    await page.keyboard.press('Enter');
    await page.getByText('# of <b>mine</b>').waitFor();
    await page.reload();
    await up.getByText('2', { exact: true }).waitFor();
    await page.getByText('# of <b>mine</b>').waitFor();
    await page.getByRole('img', { name: /^Part: |: 100% of 100%$/ }).first().waitFor();

    const place = page.locator('.board-plot .u-over').first();
    const { x, y, width, height } = await place.boundingBox();
    await page.mouse.move(x + width * 0.5, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.9, y + height / 2, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/range=\d+s.*end=|end=.*range=\d+s/);
    await page.goBack();
    await page.waitForURL((address) => !address.search.includes('end='));
    await page.getByLabel('Refresh').selectOption('5s');
    await page.waitForURL(/refresh=5s/);
    const asked = page.waitForRequest(/api\/v1\/query_range/);
    await asked;
    await page.screenshot({ path: picture('dashboard with variables') });
    await page.locator('.board-panel').first().hover();
    await page.getByRole('link', { name: /^Query of Of narthex/ }).click();
    await page.waitForURL(/\/query\?g0\.expr=up%7Bjob%3D%7E%22%28narthex%7Cnode%29%22%7D/);
  },

  'dashboards: names, texts and values are never markup, and no value leaves its quotes': async (page, live) => {
    const odd = panel(MARKUP, MARKUP, {});
    const note = panel(MARKUP, 'Markdown', { text: `${MARKUP} [a](javascript:alert(1)) $value` });
    const chosen = panel('Chosen', 'Table', {}, 'hostile{value="$value"}');
    const graph = panel('Graph', 'TimeSeriesChart', {}, 'hostile{value=~"$value"}');
    const variables = [
      listVariable('value', 'value', 'hostile', { display: { name: MARKUP } }),
      { kind: 'TextVariable', spec: { name: 'text', value: MARKUP, display: { name: MARKUP } } },
    ];
    put(live, 'hostile.json', dashboard('hostile', MARKUP, [odd, note, chosen, graph], variables));
    const check = async (where) => {
      const found = await page.evaluate(() => ({
        canary: window.canary,
        markup: document.querySelectorAll('main img, [onerror], a[href^="javascript" i]').length,
      }));
      assert.deepEqual(found, { canary: undefined, markup: 0 }, where);
    };
    try {
      await page.goto(`/dashboards?search=${encodeURIComponent('hostile.json')}`);
      await page.getByRole('link', { name: MARKUP }).waitFor();
      await check('the list');
      await page.getByRole('link', { name: MARKUP }).click();
      const table = page.getByRole('region', { name: 'Table of Chosen' });
      await table.getByRole('cell', { name: MARKUP }).waitFor();
      await page.locator('.board-legend').getByText(/window\.canary/).waitFor();
      await check('the dashboard');
      const address = encodeURIComponent('x"} or up{job="narthex');
      await page.goto(`/dashboards/hostile?var-value=${address}`);
      await page.getByRole('region', { name: 'Chosen', exact: true }).getByText('No data.').waitFor();
      await check('a value of the address');
    } finally {
      rmSync(join(live.boards, 'hostile.json'));
    }
  },
};
