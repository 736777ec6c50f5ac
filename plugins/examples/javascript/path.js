// Paths into JSON: `data.queues[*].size`, `counts["a.b"][0]`; the empty path is the document itself.

import { ConfigError } from "./narthex-sdk/index.js";

/** Members that one path may lead to; more are an error. */
export const MEMBERS_MAX = 100_000;

const STEP = /\.?([A-Za-z_$][^.[\]"]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[\*\]/y;

/** The steps of a path: names and numbers, and null for every member. */
export function parsePath(text) {
  const steps = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(text);
    if (match === null) {
      throw new ConfigError(`the path ${text} is none from its character ${at + 1} on`);
    }
    const [, name, index, quoted] = match;
    if (index !== undefined) {
      steps.push(Number(index));
    } else {
      steps.push(name ?? (quoted === undefined ? null : JSON.parse(`"${quoted}"`)));
    }
  }
  return steps;
}

/** What a path leads to: `{value, keys}`, where keys are what each `[*]` was. */
export function walk(document, steps) {
  let found = [{ value: document, keys: [] }];
  for (const step of steps) {
    const next = [];
    for (const { value, keys } of found) {
      if (step !== null) {
        const member = own(value, step);
        if (member !== undefined) {
          next.push({ value: member, keys });
        }
      } else if (typeof value === "object" && value !== null) {
        for (const [key, member] of Object.entries(value)) {
          next.push({ value: member, keys: [...keys, key] });
        }
      }
    }
    if (next.length > MEMBERS_MAX) {
      throw new ConfigError(`a path leads to more than ${MEMBERS_MAX} members`);
    }
    found = next;
  }
  return found;
}

/** A member that is the document's, not the language's. */
function own(value, step) {
  const isThere = typeof value === "object" && value !== null && Object.hasOwn(value, step);
  return isThere ? value[step] : undefined;
}
