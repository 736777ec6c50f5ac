// UTF-8, beside what Node has for it: the SDK's own codec runs where Node's is hidden.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeLossy, isAscii } from "../text.js";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

test("wrong bytes are replaced as everywhere", () => {
  const parts = [
    [0x41],
    [0xc3, 0xa9],
    [0xe6, 0x97, 0xa5],
    [0xf0, 0x9f, 0x98, 0x80],
    [0xff],
    [0xc0, 0xaf],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe6, 0x97],
    [0xf0, 0x9f, 0x98],
    [0x80],
    [0xef, 0xbb, 0xbf],
  ];
  for (const one of parts) {
    for (const other of parts) {
      const bytes = new Uint8Array([...one, ...other, 0x42]);
      assert.equal(decodeLossy(bytes), decoder.decode(bytes), `${[...bytes]}`);
    }
  }
});

test("ASCII is known wherever it begins and ends", () => {
  const buffer = new Uint8Array(200).fill(0x41);
  for (let start = 0; start < 9; start++) {
    for (const length of [0, 1, 2, 3, 4, 7, 8, 31, 32, 33, 100]) {
      const bytes = buffer.subarray(start, start + length);
      assert.equal(isAscii(bytes), true);
      for (let at = 0; at < length; at++) {
        bytes[at] = 0x80;
        assert.equal(isAscii(bytes), false, `${start} ${length} ${at}`);
        bytes[at] = 0x41;
      }
    }
  }
});

test("the codec of QuickJS' functions is the same as Node's", async () => {
  const { TextEncoder, TextDecoder } = globalThis;
  const texts = ["", "a", "x".repeat(100), "é", "日本語 and so on", "😀", "\uFEFFmark", "\0\x7f\x80\xff"];
  const wanted = texts.map((text) => [...new TextEncoder().encode(text)]);
  if (typeof Uint8Array.fromBase64 !== "function") {
    // Node before 25: what QuickJS has in C.
    Uint8Array.fromBase64 = (text) => new Uint8Array(Buffer.from(text, "base64"));
    Uint8Array.prototype.toBase64 = function toBase64() {
      return Buffer.from(this).toString("base64");
    };
    String.prototype.toWellFormed ??= function toWellFormed() {
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(this));
    };
  }
  delete globalThis.TextEncoder;
  try {
    const own = await import("../text.js?own");
    texts.forEach((text, i) => {
      assert.deepEqual([...own.encode(text)], wanted[i]);
      assert.equal(own.decode(new Uint8Array(wanted[i])), text);
    });
    assert.deepEqual([...own.encode("a\ud800")], [0x61, 0xef, 0xbf, 0xbd]);
    assert.equal(own.decode(new Uint8Array([0x61, 0xff])), "a\uFFFD");
    assert.throws(() => own.decode(new Uint8Array([0xff]), true), TypeError);
  } finally {
    globalThis.TextEncoder = TextEncoder;
  }
});
