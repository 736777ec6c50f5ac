// Debian's docker-registry, with plugins of the binary published in it, and their installation.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { counted, picture } from './browser.mjs';
import { accessible } from './looks.mjs';
import { start, until } from './server.mjs';

/** What tells a component from other files. */
const WASM = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

/**
 * The plugin of an OCI layout once more, in a version that wants to reach more; it says which
 * version the layout has.
 */
function writeNext(folder, layout) {
  const blobs = join(layout, 'blobs', 'sha256');
  const files = readdirSync(blobs).map((name) => readFileSync(join(blobs, name)));
  const component = files.find((file) => file.subarray(0, WASM.length).equals(WASM));
  writeFileSync(join(folder, 'next.wasm'), component);
  const next = join(folder, 'next');
  cpSync(new URL('../../plugins/exporters/redis', import.meta.url), next, { recursive: true });
  const manifest = readFileSync(join(next, 'plugin.toml'), 'utf8');
  const wider = manifest
    .replace(/^version = .*$/m, `version = "${NEXT}"`)
    .replace(/^tcp = \[/m, 'tcp = ["db.example:5432", ');
  assert.match(wider, /db\.example/);
  writeFileSync(join(next, 'plugin.toml'), wider);
  return /^version = "(.*)"$/m.exec(manifest)[1];
}

const NEXT = '9.0.0';

/**
 * A registry at a port with the binary's own plugin redis, not signed, in `narthex/redis`; and a newer
 * version of it that wants to reach more.
 */
async function startRegistry(binary, port) {
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
  let version;
  try {
    await until('the registry', async () => {
      const { ok } = await fetch(`http://127.0.0.1:${port}/v2/`);
      if (!ok) throw new Error(registry.said());
    });
    const narthex = (...args) => execFileSync(binary, ['plugin', ...args], { cwd: folder });
    narthex('install', 'embedded:redis', '--dir', 'from');
    const to = ['--registry', `127.0.0.1:${port}/narthex`, '--insecure'];
    narthex('push', 'oci:from/redis', ...to, '--index');
    version = writeNext(folder, join(folder, 'from', 'redis'));
    narthex('push', 'next', '--component', 'next.wasm', ...to, '--index');
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop, version };
}

export const stories = {
  'plugins: one is looked at, approved, installed from a registry, replaced, rolled back and removed': async (page, live) => {
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

    const registry = await startRegistry(live.binary, live.registryPort);
    try {
      await panel.getByRole('button', { name: 'Read the index again' }).click();
      await panel.getByRole('row', { name: new RegExp(`redis ${NEXT}`) }).waitFor();
      await panel.getByRole('textbox', { name: /^Plugin:/ }).fill(`redis:${registry.version}`);
      await page.keyboard.press('Enter');
      await panel.getByRole('heading', { name: `redis ${registry.version}` }).waitFor();
      await panel.getByText('No version of it is installed.').waitFor();
      await panel.getByText('nobody whose key the config has').waitFor();
      await panel.getByRole('cell', { name: 'tcp ${target.host}:${target.port}' }).waitFor();
      await page.screenshot({ path: picture('plugin to approve') });
      await accessible(page, 'a plugin to approve');
      await panel.getByRole('button', { name: /^Approve, and install redis / }).focus();
      await page.keyboard.press('Enter');
      await panel.getByText(/^redis \S+ is installed and loaded\.$/).waitFor();
      const detail = async () =>
        (await (await fetch(`${live.url}/api/v1/plugins/redis`)).json()).data;
      assert.equal((await detail()).source, 'directory');

      await panel.getByRole('button', { name: 'Look at it' }).click();
      await panel.getByText(/is installed already\.$/).waitFor();
      assert.equal(await panel.getByRole('button', { name: /^Approve/ }).count(), 0);
      await panel.getByRole('button', { name: 'Leave it', exact: true }).click();

      // The newer one says which of what it asks for is more than before.
      await panel.getByRole('button', { name: 'Look at redis' }).click();
      await panel.getByText(`It would take the place of ${registry.version}.`).waitFor();
      await panel.getByRole('row', { name: /^tcp db\.example:5432 yes/ }).waitFor();
      await panel.getByRole('row', { name: /^tcp \$\{target\.host\}:\$\{target\.port\} –/ }).waitFor();
      await page.screenshot({ path: picture('plugin that asks for more') });
      await accessible(page, 'a plugin that asks for more');
      await panel.getByRole('button', { name: `Approve, and install redis ${NEXT}` }).click();
      await panel.getByText(`redis ${NEXT} is installed and loaded.`).waitFor();

      const card = page.locator('details.card', {
        has: page.getByRole('heading', { name: 'redis', exact: true }),
      });
      await card.locator('summary').first().click();
      await card.getByText('db.example:5432').first().waitFor();
      await card.getByRole('button', { name: 'Roll back' }).click();
      await card
        .getByRole('button', { name: `Put ${registry.version} in place of ${NEXT}` })
        .click();
      await counted(card.getByText('db.example:5432'), 0);
      assert.equal(await card.getByRole('alert').count(), 0);
      assert.equal((await detail()).version, registry.version);

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
