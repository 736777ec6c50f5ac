// Debian's docker-registry, with plugins of the binary published in it, and their installation.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { counted, picture } from './browser.mjs';
import { accessible } from './looks.mjs';
import { start, until } from './server.mjs';

/** A registry at a port with one of the binary's own plugins, not signed, in `narthex/NAME`. */
async function startRegistry(binary, port, plugin) {
  const folder = mkdtempSync(join(tmpdir(), 'narthex-registry-'));
  const config = `version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: ${folder}/blobs}}
http: {addr: 127.0.0.1:${port}}
`;
  writeFileSync(join(folder, 'config.yml'), config);
  const registry = start('docker-registry', ['serve', 'config.yml'], folder);
  const stop = async () => {
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('the registry', async () => {
      const { ok } = await fetch(`http://127.0.0.1:${port}/v2/`);
      if (!ok) throw new Error(registry.said());
    });
    const narthex = (...args) => execFileSync(binary, ['plugin', ...args], { cwd: folder });
    narthex('install', `embedded:${plugin}`, '--dir', 'from');
    const to = ['--registry', `127.0.0.1:${port}/narthex`, '--insecure'];
    narthex('push', `oci:from/${plugin}`, ...to, '--index');
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

export const stories = {
  'plugins: one is looked at, approved, installed from a registry and removed': async (page, live) => {
    await page.goto('/plugins');
    const panel = page.locator('details.card', {
      has: page.getByRole('heading', { name: 'Install a plugin' }),
    });
    // By the keyboard, as whoever has no mouse.
    await panel.locator('summary').focus();
    await page.keyboard.press('Enter');
    // Nobody answers: neither the index nor a plugin can be read, and the page says so of each.
    await panel.getByRole('alert').waitFor();
    await panel.getByRole('textbox', { name: /^Plugin:/ }).focus();
    await page.keyboard.type('redis');
    await page.keyboard.press('Enter');
    await counted(panel.getByRole('alert'), 2);
    page.forgetErrors(/status of 50\d/);

    const registry = await startRegistry(live.binary, live.registryPort, 'redis');
    try {
      await page.keyboard.press('Enter');
      await panel.getByRole('heading', { name: /^redis \d/ }).waitFor();
      await panel.getByText('No version of it is installed.').waitFor();
      await panel.getByText('nobody whose key the config has').waitFor();
      await panel.getByRole('cell', { name: 'tcp ${target.host}:${target.port}' }).waitFor();
      await page.screenshot({ path: picture('plugin to approve') });
      await accessible(page, 'a plugin to approve');
      await panel.getByRole('button', { name: /^Approve, and install redis / }).focus();
      await page.keyboard.press('Enter');
      await panel.getByText(/^redis \S+ is installed and loaded\.$/).waitFor();
      const { data } = await (await fetch(`${live.url}/api/v1/plugins/redis`)).json();
      assert.equal(data.source, 'directory');

      await panel.getByRole('button', { name: 'Look at it' }).click();
      await panel.getByText(/is installed already\.$/).waitFor();
      assert.equal(await panel.getByRole('button', { name: /^Approve/ }).count(), 0);

      const card = page.locator('details.card', {
        has: page.getByRole('heading', { name: 'redis', exact: true }),
      });
      await card.locator('summary').first().click();
      await card.getByRole('button', { name: 'Remove', exact: true }).click();
      await card.getByRole('button', { name: 'Leave it installed' }).click();
      await card.getByRole('button', { name: 'Remove', exact: true }).click();
      await card.getByRole('button', { name: /^Remove redis / }).click();
      await card.getByText('orphaned').first().waitFor();
      assert.equal(await card.getByRole('button', { name: 'Remove', exact: true }).count(), 0);
      page.forgetErrors(/status of 500/);
    } finally {
      await registry.stop();
    }
  },
};
