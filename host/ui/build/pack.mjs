// Compresses what a build has left, with fixed settings and without times, so that the same
// sources give the same bytes; and says what the first page costs.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';

/** The most that the page of queries may take, compressed, before it can be used. */
const FIRST_LOAD_BYTES_MAX = 350_000;

/** What the server fills in; see src/page.rs. */
const PLACES = [
  '<base href="./" />',
  '<meta name="narthex-nonce" content="" />',
  '<meta name="narthex-agent" content="false" />',
  '<meta name="narthex-alertmanager" content="true" />',
  '<meta name="narthex-fleet" content="false" />',
];

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const index = readFileSync(join(dist, 'index.html'), 'utf8');
for (const place of PLACES) {
  if (index.split(place).length !== 2) throw new Error(`index.html has to have ${place} once`);
}

const assets = join(dist, 'assets');
const sizes = new Map();
const contents = new Map();
for (const name of readdirSync(assets).sort()) {
  const content = readFileSync(join(assets, name));
  const packed = gzipSync(content, {
    level: constants.Z_BEST_COMPRESSION,
    memLevel: 9,
    windowBits: 15,
    strategy: constants.Z_DEFAULT_STRATEGY,
  });
  // The header names the system that packed it; 255 is "unknown".
  packed[9] = 255;
  rmSync(join(assets, name));
  writeFileSync(join(assets, `${name}.gz`), packed);
  sizes.set(name, packed.length);
  contents.set(name, content.toString('utf8'));
}

/** The files that a text of a built file names. */
const named = (text) => [...sizes.keys()].filter((name) => text.includes(name));
const isStatic = (name, text) =>
  text.includes(`from"./${name}"`) || text.includes(`import"./${name}"`);

// What index.html names, what that imports, and the page of queries with what it imports.
const first = new Set(named(index));
for (const name of sizes.keys()) {
  if (/^QueryPage-.*\.(js|css)$/.test(name)) first.add(name);
}
for (const name of first) {
  for (const other of sizes.keys()) {
    if (isStatic(other, contents.get(name))) first.add(other);
  }
}
const total = [...first].reduce((sum, name) => sum + sizes.get(name), 0);
const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
for (const [name, size] of sizes) {
  console.log(`${first.has(name) ? '*' : ' '} ${String(size).padStart(7)} ${name}.gz`);
}
console.log(`first load of the page of queries (*): ${total} bytes; everything: ${all} bytes`);
if (total > FIRST_LOAD_BYTES_MAX) {
  throw new Error(`the first load is over its budget of ${FIRST_LOAD_BYTES_MAX} bytes`);
}
