// Files of the host under granted paths, read-only.

import { host } from "#host";
import { call } from "./errors.js";
import { decode } from "./text.js";

/** The whole file. */
export function read(path) {
  return call(() => host.files.read(path));
}

/** The whole file as text. */
export function readText(path) {
  return decode(read(path));
}

/** The names in a folder, sorted. */
export function entries(path) {
  return call(() => host.files.entries(path));
}

/** Where a symbolic link leads, as it is written. */
export function link(path) {
  return call(() => host.files.link(path));
}

/**
 * What the file system that holds the path has room for: `bytes`, `bytesFree` (for the superuser),
 * `bytesAvailable` (for everybody), `files`, `filesFree`, `readOnly`.
 */
export function fileSystem(path) {
  return call(() => host.files.fileSystem(path));
}
