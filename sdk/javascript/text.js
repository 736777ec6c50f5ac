// UTF-8. QuickJS has no TextEncoder, and a loop over characters costs 20 ms for 100 kB; it does have
// base64 both ways and the functions of URIs in C, and these make a codec of a few operations.

const native = typeof globalThis.TextEncoder === "function"
  ? { encoder: new TextEncoder(), decoder: new TextDecoder("utf-8", { ignoreBOM: true }) }
  : null;

/** The text without lone surrogates, which have no place in UTF-8. */
export function valid(text) {
  // Older versions of Node lack the function, and have the codec.
  return text.toWellFormed?.() ?? native.decoder.decode(native.encoder.encode(text));
}

/** A text as UTF-8; a lone surrogate becomes the replacement character. */
export function encode(text) {
  if (native) {
    return native.encoder.encode(text);
  }
  try {
    // Refuses what is beyond Latin-1; what is in it but not in ASCII has other bytes in UTF-8.
    const bytes = Uint8Array.fromBase64(btoa(text));
    if (isAscii(bytes)) {
      return bytes;
    }
  } catch {
    // Beyond Latin-1: below.
  }
  return Uint8Array.fromBase64(btoa(unescape(encodeURIComponent(valid(text)))));
}

/**
 * Bytes as a text. What is not UTF-8 becomes the replacement character, or a TypeError where
 * `fatal` is set.
 */
export function decode(bytes, fatal = false) {
  if (native) {
    return fatal
      ? new TextDecoder("utf-8", { fatal, ignoreBOM: true }).decode(bytes)
      : native.decoder.decode(bytes);
  }
  const latin1 = atob(bytes.toBase64());
  if (isAscii(bytes)) {
    return latin1;
  }
  try {
    return decodeURIComponent(escape(latin1));
  } catch {
    if (fatal) {
      throw new TypeError("the bytes are not UTF-8");
    }
    return decodeLossy(bytes);
  }
}

/** Looks at 32 bytes at a time, which costs little even without a compiler. */
export function isAscii(bytes) {
  const length = bytes.length;
  let at = Math.min(length, (4 - (bytes.byteOffset % 4)) % 4);
  let seen = 0;
  for (let i = 0; i < at; i++) {
    seen |= bytes[i];
  }
  const count = (length - at) >> 2;
  // Where there is no whole word left the offset may be none of a word's.
  const words = count ? new Uint32Array(bytes.buffer, bytes.byteOffset + at, count) : [];
  let i = 0;
  for (; i < count - 7; i += 8) {
    seen |= words[i] | words[i + 1] | words[i + 2] | words[i + 3]
      | words[i + 4] | words[i + 5] | words[i + 6] | words[i + 7];
  }
  for (; i < count; i++) {
    seen |= words[i];
  }
  for (at += 4 * count; at < length; at++) {
    seen |= bytes[at];
  }
  return (seen & 0x80808080) === 0;
}

/** Byte by byte, for bytes that are not UTF-8: each maximal wrong part is one U+FFFD. */
export function decodeLossy(bytes) {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++];
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    let [more, low, high] = [0, 0x80, 0xbf];
    let point = 0;
    if (first >= 0xc2 && first <= 0xdf) {
      [more, point] = [1, first & 0x1f];
    } else if (first >= 0xe0 && first <= 0xef) {
      [more, point] = [2, first & 0x0f];
      low = first === 0xe0 ? 0xa0 : low;
      high = first === 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
      [more, point] = [3, first & 0x07];
      low = first === 0xf0 ? 0x90 : low;
      high = first === 0xf4 ? 0x8f : high;
    }
    let isWhole = more > 0;
    for (; more > 0; more--) {
      const next = bytes[at];
      if (next === undefined || next < low || next > high) {
        isWhole = false;
        break;
      }
      point = (point << 6) | (next & 0x3f);
      [low, high] = [0x80, 0xbf];
      at++;
    }
    text += isWhole ? String.fromCodePoint(point) : "\uFFFD";
  }
  return text;
}
