// Drives the web application of a binary in Debian's Chromium, as people do, against live data.
//
//   node tests/browser/run.mjs PATH_OF_NARTHEX [PART_OF_A_TEST'S_NAME]
//
// The libraries are those of host/ui (`npm ci` there). Pictures of every page are left in
// tests/browser/screenshots. It ends with 1 where something failed. NARTHEX_UI_DIR is a folder with
// files of the application (host/ui/dist, made anew) that take the place of those in the binary.
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { browse } from './browser.mjs';
import { startServer } from './server.mjs';
import * as alerts from './alerts.mjs';
import * as dashboards from './dashboards.mjs';
import * as explorer from './explorer.mjs';
import * as graphs from './graphs.mjs';
import * as hostile from './hostile.mjs';
import * as looks from './looks.mjs';
import * as operations from './operations.mjs';
import * as query from './query.mjs';
import * as pages from './pages.mjs';
import * as registry from './registry.mjs';
import * as servers from './servers.mjs';

const [path, part = ''] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: run.mjs PATH_OF_NARTHEX [PART_OF_A_TEST\'S_NAME]');
  process.exit(2);
}

/** All stories, by name. Each gets a page of its own and the live server. */
const modules = [
  query, graphs, explorer, dashboards, alerts, operations, registry, pages, hostile, servers, looks,
];
const stories = modules.flatMap((module) =>
  Object.entries(module.stories),
);

rmSync(new URL('./screenshots', import.meta.url), { recursive: true, force: true });
const live = await startServer(resolve(path));
const browser = await browse();
let failed = 0;
try {
  for (const [name, story] of stories.filter(([name]) => name.includes(part))) {
    const started = performance.now();
    const tab = await browser.open(live.url);
    try {
      await story(tab.page, live);
      tab.check();
      console.log(`ok    ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n${error.stack}\n${tab.said().join('\n')}`);
      await tab.page.screenshot({ path: tab.picture(`failed ${name}`) }).catch(() => {});
    }
    await tab.close();
  }
} finally {
  await browser.close();
  await live.stop();
}
console.log(failed === 0 ? 'all pages work' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
