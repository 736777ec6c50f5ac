// Debian's Chromium, a fresh context for each story, and an ear for what a page complains of.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// Libraries are installed beside the application, whose lock file pins them.
export const libraries = createRequire(new URL('../../host/ui/package.json', import.meta.url));
const { chromium } = libraries('playwright-core');

const WAIT_MS = 60_000;

/** The file of a picture. */
export function picture(name) {
  const file = `${name.replace(/[^a-z0-9]+/gi, '-')}.png`;
  return fileURLToPath(new URL(`./screenshots/${file}`, import.meta.url));
}

/** Waits until there are so many, as after a choice that the page has yet to draw. */
export async function counted(locator, count) {
  const end = performance.now() + WAIT_MS;
  while ((await locator.count()) !== count && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(await locator.count(), count);
}

export async function browse() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--disable-gpu', '--font-render-hinting=none'],
  });
  return {
    close: () => browser.close(),
    async open(url) {
      const context = await browser.newContext({
        baseURL: url,
        viewport: { width: 1280, height: 800 },
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        acceptDownloads: true,
      });
      // Nobody else is asked for anything.
      await context.route(
        (address) => address.origin !== new URL(url).origin,
        (route) => route.abort(),
      );
      const page = await context.newPage();
      page.setDefaultTimeout(WAIT_MS);
      const said = [];
      page.on('console', (message) => {
        if (message.type() === 'error') said.push(`console: ${message.text()}`);
      });
      page.on('pageerror', (error) => said.push(`page: ${error.stack}`));
      page.on('dialog', (dialog) => {
        said.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      // What a story provokes itself, it forgets.
      page.forgetErrors = (pattern) => {
        const kept = said.filter((line) => !pattern.test(line));
        said.splice(0, said.length, ...kept);
      };
      return {
        page,
        picture,
        said: () => said,
        check: () => assert.deepEqual(said, [], 'the page complained'),
        close: () => context.close(),
      };
    },
  };
}
