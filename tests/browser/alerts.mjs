// Alerts and silences, as somebody on call uses them.
import assert from 'node:assert/strict';
import { counted, picture } from './browser.mjs';
import { accessible } from './looks.mjs';
import { MARKUP, until } from './server.mjs';

async function fillForm(page, comment) {
  await page.getByRole('textbox', { name: 'Author' }).fill('ada');
  await page.getByRole('textbox', { name: 'Comment' }).fill(comment);
}

async function silences(url) {
  return (await fetch(`${url}/api/v2/silences`)).json();
}

export const stories = {
  'alerts: those that fire come first, and are found by state and by label': async (page) => {
    await page.goto('/alerts');
    const cards = page.locator('details.card');
    await cards.first().getByRole('heading', { name: 'TargetGone' }).waitFor();
    assert.match(await cards.first().innerText(), /firing/);
    await page.getByLabel('State').selectOption('inactive');
    await page.getByText('NeverFires').waitFor();
    await counted(cards, 1);
    await page.getByLabel('State').selectOption('');
    // Prometheus' address of several states, and one of a state that there is not.
    await page.goto('/alerts?state=firing&state=pending');
    await page.getByRole('heading', { name: 'TargetGone' }).waitFor();
    await counted(page.getByText('NeverFires'), 0);
    await page.goto('/alerts?state=gone');
    await page.getByText('No rule fits the filter.').waitFor();
    assert.equal(await page.getByLabel('State').inputValue(), 'gone');
    await page.getByLabel('State').selectOption('');
    await page.getByLabel('Filter by rule, group or label').fill('severity=page');
    await page.waitForURL(/search=severity/);
    await counted(cards, 1);
    await page.reload();
    await page.getByRole('heading', { name: 'TargetGone' }).waitFor();
    await counted(cards, 1);
  },

  'alerts: an annotation that is an address is a link, and a script is none': async (page) => {
    await page.goto('/alerts?search=TargetGone');
    const link = page.getByRole('link', { name: 'https://runbooks.example/target-gone' });
    await link.first().waitFor();
    assert.equal(await link.first().getAttribute('rel'), 'noopener noreferrer');
    await page.getByText('javascript:window.canary=3').first().waitFor();
    assert.equal(await page.locator('a[href^="javascript" i]').count(), 0);
    await page.getByRole('link', { name: 'up{job="gone"} == 0' }).click();
    await page.waitForURL(/\/query\?g0\.expr=up/);
    await page.getByRole('cell', { name: /job="gone"/ }).waitFor();
  },

  'silences: from an alert to a silence, changed, and expired': async (page, live) => {
    await page.goto('/alerts?search=TargetGone');
    await page.getByRole('link', { name: 'Silence', exact: true }).first().click();
    await page.waitForURL(/\/silences\/new\?matchers=/);
    assert.equal(await page.getByRole('textbox', { name: 'Value 1' }).inputValue(), 'TargetGone');
    await page.getByRole('button', { name: 'Preview alerts' }).click();
    await page.getByText('1 alert of now would be muted').waitFor();
    await page.screenshot({ path: picture('silence previewed') });
    // It is not sent before it is whole.
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('Who are you?').waitFor();
    await fillForm(page, 'moving racks');
    // How long it is and when it ends are one.
    await page.getByRole('textbox', { name: 'End' }).fill('2000-01-01 00:00:00');
    await page.getByText('It ends before it begins.').waitFor();
    await page.getByRole('textbox', { name: 'Duration' }).fill('1d');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL(/\/silences$/);
    const card = page.locator('article', { hasText: 'moving racks' });
    await card.getByText('alertname="TargetGone"').waitFor();
    await card.getByText(/23 h|1 d/).first().waitFor();

    // Who sees the alert sees that nobody is told of it.
    await page.goto('/alerts?search=TargetGone');
    await page.getByRole('link', { name: 'silenced' }).click();
    await page.waitForURL(/\/silences\?id=/);
    await card.getByRole('link', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Comment' }).fill('moved racks');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL(/\/silences$/);
    const changed = page.locator('article', { hasText: 'moved racks' });
    await changed.getByRole('button', { name: 'Expire' }).click();
    await changed.getByRole('button', { name: 'Expire now' }).click();
    await changed.waitFor({ state: 'detached' });
    await page.getByLabel('State').selectOption('expired');
    await page.locator('article', { hasText: 'moved racks' }).first().waitFor();
    const states = (await silences(live.url)).map((silence) => silence.status.state);
    assert.deepEqual([...new Set(states)], ['expired']);
    await page.getByRole('link', { name: 'Recreate' }).first().click();
    await page.getByRole('button', { name: 'Create' }).waitFor();
  },

  'alert groups: what notifications link to, what is muted, and by what': async (page, live) => {
    const post = async (path, body) => {
      const response = await fetch(`${live.url}/api/v2/${path}`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
      });
      assert.equal(response.status, 200, await response.clone().text());
      return response.json().catch(() => undefined);
    };
    // Of another server, whose names are markup.
    const labels = { alertname: 'Elsewhere', where: MARKUP };
    const annotations = { summary: MARKUP, runbook: 'javascript:window.canary=4' };
    await post('alerts', [{ labels, annotations, generatorURL: 'http://other.example/graph?g0.expr=up' }]);
    const now = Date.now();
    const { silenceID } = await post('silences', {
      matchers: [{ name: 'where', value: MARKUP, isRegex: false, isEqual: true }],
      startsAt: new Date(now).toISOString(), endsAt: new Date(now + 3_600_000).toISOString(),
      createdBy: 'ada', comment: 'elsewhere is moved',
    });
    await page.goto('/#/alerts?receiver=nobody');
    await page.waitForURL(/\/alert-groups\?receiver=nobody$/);
    const group = (name) => page.locator('details.card', { hasText: name });
    await group('TargetGone').getByText('firing', { exact: true }).waitFor();
    await counted(group('Elsewhere'), 0);
    await page.getByLabel('State').selectOption('suppressed');
    await group('Elsewhere').getByText('suppressed', { exact: true }).waitFor();
    assert.equal(await page.locator('main img, main [onerror], a[href^="javascript" i]').count(), 0);
    assert.equal(await page.evaluate(() => window.canary), undefined);
    const source = group('Elsewhere').getByRole('link', { name: 'Source' });
    assert.equal(await source.getAttribute('href'), 'http://other.example/graph?g0.expr=up');
    await accessible(page, 'alert groups');
    await page.screenshot({ path: picture('alert groups suppressed') });
    await group('Elsewhere').getByRole('link', { name: 'silenced' }).click();
    await page.waitForURL(new RegExp(`/silences\\?id=${silenceID}`));
    await counted(page.locator('article'), 1);
    await page.goBack();
    await page.getByRole('textbox', { name: 'Matchers' }).fill('alertname=~"Else.*", where!=""');
    await page.keyboard.press('Enter');
    await counted(page.locator('details.card'), 1);
    await page.getByRole('textbox', { name: 'Matchers' }).fill('alertname');
    await page.getByText('They are written as').waitFor();
    // What only the server cannot take: the field stays, and the hand in it.
    await page.getByRole('textbox', { name: 'Matchers' }).fill('alertname=~"("');
    await page.keyboard.press('Enter');
    await page.getByText('Error: alertmanager').waitFor();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('alertname="Elsewhere"');
    await page.keyboard.press('Enter');
    await counted(page.locator('details.card'), 1);
    page.forgetErrors(/status of 400/);

    // The other addresses of Alertmanager, as people have them in their notes.
    await page.goto('/#/silences/new?filter=%7Balertname%3D%22TargetGone%22%2Cjob%3D~%22a%7Cb%22%7D&comment=why');
    await page.waitForURL(/\/silences\/new\?/);
    assert.equal(await page.getByRole('textbox', { name: 'Value 2' }).inputValue(), 'a|b');
    assert.equal(await page.getByLabel('Operator 2').inputValue(), '=~');
    assert.equal(await page.getByRole('textbox', { name: 'Comment' }).inputValue(), 'why');
    await page.goto('about:blank');
    await page.goto(`/#/silences/${silenceID}`);
    await page.locator('article', { hasText: 'elsewhere is moved' }).waitFor();
    await page.goto('about:blank');
    await page.goto(`/#/silences?filter=${encodeURIComponent(`{alertname="Nothing"}`)}`);
    await page.getByText('There is no such silence.').waitFor();

    // An edit that leaves the times alone leaves them what they are, in whichever zone they are shown.
    await page.goto(`/silences/new?id=${silenceID}`);
    const field = (name) => page.getByRole('textbox', { name });
    const before = await field('Start').inputValue();
    await page.getByRole('checkbox', { name: 'Local time' }).uncheck();
    await field('Start (UTC)').waitFor();
    assert.notEqual(await field('Start').inputValue(), before);
    await field('Comment').fill('elsewhere was moved');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL(/\/silences$/);
    const made = (await silences(live.url)).find(({ id }) => id === silenceID);
    assert.deepEqual([made.comment, made.status.state], ['elsewhere was moved', 'active']);
    await fetch(`${live.url}/api/v2/silence/${silenceID}`, { method: 'DELETE' });
    await post('alerts', [{ labels, endsAt: new Date(now - 1000).toISOString() }]);
  },

  'silences: from an alert to its silence and back by the keyboard alone': async (page, live) => {
    const press = async (locator, key = 'Enter') => {
      await locator.focus();
      await page.keyboard.press(key);
    };
    await page.goto('/alerts?search=TargetGone');
    await press(page.getByRole('link', { name: 'Silence', exact: true }).first());
    await page.waitForURL(/\/silences\/new\?matchers=/);
    await press(page.getByRole('button', { name: 'Add a matcher' }));
    await press(page.getByRole('button', { name: /^Remove matcher/ }).last());
    await press(page.getByRole('button', { name: 'Preview alerts' }), 'Space');
    await page.getByText('1 alert of now would be muted').waitFor();
    await page.getByRole('textbox', { name: 'Author' }).focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('ada');
    await page.keyboard.press('Tab');
    await page.keyboard.type('typed and not clicked');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/silences$/);
    const card = page.locator('article', { hasText: 'typed and not clicked' });
    await press(card.getByRole('checkbox'), 'Space');
    await press(page.getByRole('button', { name: 'Expire 1 silence', exact: true }));
    await press(page.getByRole('button', { name: 'Expire 1 silence now' }));
    await card.waitFor({ state: 'detached' });
    const made = (await silences(live.url)).find((one) => one.comment === 'typed and not clicked');
    assert.deepEqual([made.createdBy, made.status.state], ['ada', 'expired']);
  },

  'silences: one that matches everything is refused, matchers are added and removed': async (page, live) => {
    await page.goto('/silences/new');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('Each matcher needs a name.').waitFor();
    await page.getByRole('textbox', { name: 'Label 1' }).fill('alertname');
    await page.getByLabel('Operator 1').selectOption('=~');
    await page.getByRole('textbox', { name: 'Value 1' }).fill('.*');
    await page.getByText('must not match alerts that lack').waitFor();
    await page.getByRole('textbox', { name: 'Value 1' }).fill('Never.*|Other');
    await page.getByRole('button', { name: 'Add a matcher' }).click();
    await page.getByRole('textbox', { name: 'Label 2' }).fill('job');
    await page.getByRole('button', { name: 'Remove matcher 2' }).click();
    await page.getByRole('button', { name: 'Preview alerts' }).click();
    await page.getByText('No alert of now matches').waitFor();
    await fillForm(page, 'a regular expression');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL(/\/silences$/);
    await page.getByText('alertname=~"Never.*|Other"').waitFor();
    await until('the silence', async () => {
      const made = (await silences(live.url)).find((one) => one.comment === 'a regular expression');
      assert.deepEqual(made.matchers, [
        { name: 'alertname', value: 'Never.*|Other', isRegex: true, isEqual: true },
      ]);
    });
  },
};
