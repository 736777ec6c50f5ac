// Writes down whose code the application is built of, and under which terms: the packages that are
// no tools of the build, by name, each with its own text. The page of the status links to it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

function text(folder) {
  const names = readdirSync(folder).sort();
  const found = names.filter((name) => /^(licen[cs]e|notice|copying)/i.test(name));
  return found.map((name) => readFileSync(join(folder, name), 'utf8').trim()).join('\n\n');
}

const parts = ['The web application of Narthex holds code of these packages.'];
for (const [path, entry] of Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))) {
  const folder = join(root, path);
  // Types are gone before a browser sees the code.
  const isTool = entry.dev || entry.optional || path.includes('node_modules/@types/');
  if (path === '' || isTool || !existsSync(folder)) continue;
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  parts.push(`${name} ${entry.version} (${entry.license ?? 'see its text'})\n\n${text(folder)}`);
}
const line = `\n\n${'-'.repeat(78)}\n\n`;
writeFileSync(join(root, 'app/licenses.txt'), `${parts.join(line)}\n`.replace(/\r\n/g, '\n'));
