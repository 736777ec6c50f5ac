// Alerts and silences, as somebody on call uses them.
import assert from 'node:assert/strict';
import { counted, picture } from './browser.mjs';
import { until } from './server.mjs';

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
    await page.getByRole('textbox', { name: 'Duration' }).fill('1d');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.waitForURL(/\/silences$/);
    const card = page.locator('article', { hasText: 'moving racks' });
    await card.getByText('alertname="TargetGone"').waitFor();
    await card.getByText(/23 h|1 d/).first().waitFor();

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
