//! Chance from a seed.

/// The same numbers for the same seed (xorshift over a scrambled seed).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        // The generator stays at zero, and close seeds begin alike.
        let scrambled = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((scrambled ^ (scrambled >> 31)).max(1))
    }

    /// A number below `end`, which is not zero.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }

    pub(super) fn is_head(&mut self) -> bool {
        self.below(2) == 0
    }
}
