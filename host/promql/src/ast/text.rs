//! Texts of a query that are not UTF-8.
//!
//! `"\xff"` is a text of one byte. Prometheus keeps it, and refuses it where a label would
//! come of it. A [`String`] cannot hold it, so such a byte is kept as a character that has no
//! meaning anywhere: one of the last private ones.

use std::borrow::Cow;

/// The character that stands for byte 0; the others follow it.
const BYTE_ZERO: u32 = 0x10_fe00;

/// The text that `bytes` are, with a placeholder for each byte that is not part of UTF-8.
pub(crate) fn text_of_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(
            chunk
                .invalid()
                .iter()
                .filter_map(|byte| char::from_u32(BYTE_ZERO + u32::from(*byte))),
        );
    }
    text
}

/// The byte that a character stands for, if it does.
pub(crate) fn invalid_byte(c: char) -> Option<u8> {
    u32::from(c)
        .checked_sub(BYTE_ZERO)
        .and_then(|byte| u8::try_from(byte).ok())
}

/// A text of a query as it may be shown and stored: U+FFFD for each byte that is no UTF-8, which Go
/// shows for it.
pub fn shown(text: &str) -> Cow<'_, str> {
    match has_invalid_bytes(text) {
        false => Cow::Borrowed(text),
        true => {
            let shown = |c| invalid_byte(c).map_or(c, |_| char::REPLACEMENT_CHARACTER);
            Cow::Owned(text.chars().map(shown).collect())
        }
    }
}

/// Whether a text from a query holds bytes that are no UTF-8, which no label may.
pub fn has_invalid_bytes(text: &str) -> bool {
    text.chars().any(|c| invalid_byte(c).is_some())
}
