//! Texts of a batch, each once, found again by its bytes.
//!
//! A table of our own: the texts lie once in memory, and a hash with a random seed would cost the
//! component an import.

/// How full the table gets, in slots per text: at least this many.
const SLOTS_PER_TEXT: usize = 2;

/// A slot without a text.
const FREE: u32 = u32::MAX;

/// Texts by number; number 0 is the empty text.
#[derive(Debug, Clone)]
pub(super) struct Symbols {
    texts: Vec<String>,
    /// Numbers of texts, at the place of their hash or behind it. A power of two of them.
    slots: Vec<u32>,
}

impl Symbols {
    pub(super) fn new() -> Self {
        let mut symbols = Self {
            texts: Vec::new(),
            slots: vec![FREE; 64],
        };
        symbols.number("");
        symbols
    }

    /// The number of a text, which is added where it is new.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = hash(text.as_bytes()) & mask;
        while let Some(&number) = self.slots.get(at)
            && number != FREE
        {
            if self.texts.get(number as usize).is_some_and(|t| t == text) {
                return number;
            }
            at = (at + 1) & mask;
        }
        // More than u32::MAX texts do not fit into a 32-bit memory.
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = number;
        }
        if self.texts.len() * SLOTS_PER_TEXT > self.slots.len() {
            self.grow();
        }
        number
    }

    /// The text of a number that was handed out.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots.clear();
        self.slots.resize(mask + 1, FREE);
        for (number, text) in (0..).zip(&self.texts) {
            let mut at = hash(text.as_bytes()) & mask;
            while self.slots.get(at).is_some_and(|&slot| slot != FREE) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = number;
            }
        }
    }
}

/// Eight bytes at a step; good enough for texts that nobody chooses against us, and a bad one
/// costs time that the host bounds.
pub(super) fn hash(bytes: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = bytes.len() as u64;
    let mut mix = |word: u64| {
        state = (state ^ word).wrapping_mul(FACTOR);
        state ^= state >> 32;
    };
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let mut eight = [0; 8];
        eight.copy_from_slice(word);
        mix(u64::from_le_bytes(eight));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(words.remainder()) {
        *to = *from;
    }
    mix(u64::from_le_bytes(last));
    // Only the low bits are used.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "any bits of a hash will do"
    )]
    let low = state as usize;
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_number_however_many_there_are() {
        let mut symbols = Symbols::new();
        assert_eq!(symbols.number(""), 0);
        let text = |n: u32| format!("label value {n}");
        for round in 0..2 {
            for n in 0..10_000 {
                assert_eq!(symbols.number(&text(n)), n + 1, "round {round}");
            }
        }
        assert_eq!(symbols.text(77), text(76));
        assert_eq!(symbols.into_texts().len(), 10_001);
    }

    #[test]
    fn texts_that_differ_in_one_place_have_hashes_that_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for text in [
            "",
            "a",
            "b",
            "\0",
            "\0\0",
            "12345678",
            "123456789",
            "12345679",
        ] {
            assert!(seen.insert(hash(text.as_bytes())), "{text:?}");
        }
    }
}
