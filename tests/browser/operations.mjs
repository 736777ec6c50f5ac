// What is done with several things at once, and what is watched: silences, alerts, plugins, notices.
import assert from 'node:assert/strict';
import { counted, picture } from './browser.mjs';
import { until, YESTERDAY } from './server.mjs';

async function silence(url, comment) {
  const now = Date.now();
  const body = JSON.stringify({
    matchers: [{ name: 'alertname', value: comment, isRegex: false, isEqual: true }],
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + 3_600_000).toISOString(),
    createdBy: 'ada',
    comment,
  });
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/api/v2/silences`, { method: 'POST', headers, body });
  assert.equal(response.status, 200, await response.text());
}

async function silences(url, comment) {
  const all = await (await fetch(`${url}/api/v2/silences`)).json();
  return all.filter((one) => one.comment.startsWith(comment));
}

export const stories = {
  'silences: several end otherwise, and are expired, at once': async (page, live) => {
    for (const name of ['several 1', 'several 2', 'several 3']) await silence(live.url, name);
    await page.goto('/silences?search=several');
    await page.getByRole('checkbox', { name: 'Choose the silence several 1' }).check();
    await page.getByRole('checkbox', { name: 'Choose the silence several 2' }).check();
    await page.getByRole('button', { name: 'Change the end of 2 silences' }).click();
    await page.getByRole('textbox', { name: /^New end/ }).fill('2030-01-02 03:04:05');
    await page.getByRole('button', { name: 'End 2 silences then' }).click();
    await page.locator('article', { hasText: 'several 1' }).getByText(/2030-01-02 03:04:05/).waitFor();
    await page.locator('article', { hasText: 'several 2' }).getByText(/2030-01-02 03:04:05/).waitFor();
    await counted(page.locator('article'), 3);
    const ends = (await silences(live.url, 'several')).map((one) => one.endsAt.slice(0, 4));
    assert.equal(ends.filter((year) => year === '2030').length, 2);
    await page.getByRole('button', { name: 'Choose all 3' }).click();
    await page.getByRole('button', { name: 'Expire 3 silences', exact: true }).click();
    await page.screenshot({ path: picture('silences chosen') });
    await page.getByRole('button', { name: 'Expire 3 silences now' }).click();
    await page.getByText('There is no such silence.').waitFor();
    const states = (await silences(live.url, 'several')).map((one) => one.status.state);
    assert.deepEqual([...new Set(states)], ['expired']);
  },

  'alerts: by a label, and one silence of several': async (page) => {
    await page.goto('/alerts');
    await page.getByLabel('Group by').selectOption('job');
    await page.waitForURL(/group=job/);
    const group = page.locator('details.card', { hasText: 'job="gone"' });
    await group.getByText('2 alerts').waitFor();
    for (const box of await group.getByRole('checkbox').all()) await box.check();
    await page.screenshot({ path: picture('alerts grouped') });
    await page.getByRole('link', { name: 'Silence 2 chosen alerts' }).click();
    await page.waitForURL(/\/silences\/new\?matchers=/);
    assert.equal(await page.getByRole('textbox', { name: 'Value 1' }).inputValue(), 'Slow|TargetGone');
    assert.equal(await page.getByLabel('Operator 1').inputValue(), '=~');
    await page.getByRole('button', { name: 'Preview alerts' }).click();
    await page.getByText(/would be muted/).waitFor();
  },

  'plugins: a log is followed, and a roll-back is asked about first': async (page) => {
    const asked = [];
    await page.route('**/api/v1/plugins/node', async (route) => {
      const answer = await (await route.fetch()).json();
      answer.data.previousVersion = '0.0.9';
      answer.data.failures = [{ timeMs: 1, job: 'machine', error: 'trap', backtrace: 'a\nb' }];
      await route.fulfill({ json: answer });
    });
    await page.route('**/api/v1/plugins/node/rollback', (route) => {
      asked.push(route.request().method());
      return route.fulfill({ status: 422, json: { status: 'error', errorType: 'execution', error: 'it is gone' } });
    });
    await page.goto('/plugins?search=node');
    const card = page.locator('details.card', { has: page.getByRole('heading', { name: 'node', exact: true }) });
    await card.locator('summary').first().click();
    await card.getByText('live', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Stop' }).click();
    await card.getByText('stopped', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Follow' }).click();
    await card.getByText('live', { exact: true }).waitFor();
    await card.locator('pre', { hasText: 'trap' }).waitFor();
    await card.getByRole('cell', { name: / a call$/ }).waitFor();
    await card.getByRole('button', { name: 'Roll back' }).click();
    assert.deepEqual(asked, []);
    await card.getByRole('button', { name: /^Keep / }).click();
    await card.getByRole('button', { name: 'Roll back' }).click();
    await card.getByRole('button', { name: /^Put 0\.0\.9 in place of/ }).click();
    await card.getByText('it is gone').waitFor();
    assert.deepEqual(asked, ['POST']);
    page.forgetErrors(/status of 422/);
  },

  'tsdb status: series are counted by a label, now and before': async (page) => {
    await page.goto('/tsdb-status');
    await page.getByRole('textbox', { name: 'Selector' }).fill('up');
    await page.getByRole('textbox', { name: 'Label', exact: true }).fill('job');
    await page.getByRole('button', { name: 'Count' }).click();
    const counted = page.locator('section', { has: page.getByRole('heading', { name: 'Series by a label' }) });
    await counted.getByRole('row', { name: /^hostile 1$/ }).waitFor();
    await page.getByLabel('Compared with').selectOption('1h');
    await page.getByRole('button', { name: 'Count' }).click();
    await counted.getByRole('row', { name: /^gone 1 – \+1$/ }).waitFor();
    // A day ago there were others.
    await page.getByRole('textbox', { name: 'Selector' }).fill('{__name__=~"up|yesterday"}');
    await page.getByRole('textbox', { name: 'Label', exact: true }).fill('__name__');
    await page.getByLabel('Compared with').selectOption('1d');
    await page.getByRole('button', { name: 'Count' }).click();
    await counted.getByRole('row', { name: `yesterday 0 ${YESTERDAY} −${YESTERDAY}`, exact: true }).waitFor();
    await counted.getByRole('row', { name: /^up 5 – \+5$/ }).waitFor();
    await page.screenshot({ path: picture('series of another day') });
    await page.getByRole('textbox', { name: 'Selector' }).fill('up{');
    await page.getByRole('button', { name: 'Count' }).click();
    await counted.getByRole('alert').getByText(/parse error/).waitFor();
    page.forgetErrors(/status of 400/);
  },

  'tsdb status: a metric that nobody asks for is listed until somebody does': async (page, live) => {
    const unused = async () => {
      const answer = await fetch(`${live.url}/api/v1/status/unused_metrics?limit=10000`);
      return (await answer.json()).data.unused.map(({ name }) => name);
    };
    await page.goto('/tsdb-status');
    const listed = page.locator('section', {
      has: page.getByRole('heading', { name: 'Metrics that nobody asks for' }),
    });
    await listed.getByText(/are in no rule, in no dashboard/).waitFor();
    const name = await listed.locator('tbody a').first().innerText();
    assert.ok((await unused()).includes(name), name);
    await listed.getByRole('link', { name, exact: true }).click();
    await page.getByRole('textbox', { name: 'Expression 1' }).waitFor();
    await until('the query', async () => {
      assert.ok(!(await unused()).includes(name), name);
    });
  },

  'notices: what the server has to tell is told, and taken back': async (page) => {
    const notice = (active) =>
      `data: ${JSON.stringify({ text: 'Configuration reload has failed.', date: '2026-01-01T00:00:00Z', active })}\n\n`;
    let isActive = true;
    await page.route('**/api/v1/notifications/live', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: notice(isActive) }),
    );
    await page.goto('/flags');
    await page.getByText('Configuration reload has failed.').waitFor();
    isActive = false;
    await page.reload();
    await page.getByRole('cell', { name: '--query.timeout' }).waitFor();
    await page.getByText('Configuration reload has failed.').waitFor({ state: 'detached' });
  },
};
