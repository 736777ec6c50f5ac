//! Series as they come, each from a seed.

use crate::STALE;

/// A generator of numbers that look like chance and are not.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, of 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// An index into what has `len` elements.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }
}

/// Makes a series of so many values.
type Shape = fn(&mut Chance, usize) -> Vec<f64>;

/// The shapes by name.
pub(crate) const SHAPES: [(&str, Shape); 13] = [
    ("constant", |chance, len| {
        vec![chance.below(1_000) as f64; len]
    }),
    ("constant with one exception", |chance, len| {
        let mut values = vec![chance.below(1_000) as f64 / 8.0; len];
        values[chance.index(len)] = f64::from_bits(chance.bits());
        values
    }),
    ("counter", |chance, len| {
        sums(chance, len, |c| c.below(300) as f64)
    }),
    ("counter with resets", |chance, len| {
        let mut sum = 0.0;
        let values = (0..len).map(|_| {
            sum = match chance.below(50) {
                0 => 0.0,
                _ => sum + chance.below(1_000) as f64,
            };
            sum
        });
        values.collect()
    }),
    ("bytes in pages", |chance, len| {
        let pages = (0..len).map(|_| chance.below(1 << 22) * 4_096);
        pages.map(|bytes| bytes as f64).collect()
    }),
    ("gauge with decimals", |chance, len| {
        let hundredths = (0..len).map(|_| chance.below(10_000) as i64 - 5_000);
        hundredths.map(|h| h as f64 / 100.0).collect()
    }),
    ("durations in nanoseconds", |chance, len| {
        let nanoseconds = (0..len).map(|_| chance.below(1 << 30));
        nanoseconds.map(|n| n as f64 / 1e9).collect()
    }),
    ("sum with noise of ulps", |chance, len| {
        sums(chance, len, |c| c.below(100_000) as f64 * 1e-6)
    }),
    ("float", |chance, len| {
        let fractions = (0..len).map(|_| chance.below(1 << 53) as f64);
        fractions.map(|f| f / (1_u64 << 53) as f64).collect()
    }),
    ("short float", |chance, len| {
        let fractions = (0..len).map(|_| chance.below(1 << 24) as f32 / 16_777_216.0);
        fractions.map(|f| f64::from(f * 0.3)).collect()
    }),
    ("counter with stale markers", |chance, len| {
        let mut values = sums(chance, len, |c| c.below(10) as f64);
        let start = chance.index(len);
        let end = len.min(start + 1 + chance.index(20));
        values[start..end].fill(f64::from_bits(STALE));
        values
    }),
    ("quantile that is often NaN", |chance, len| {
        let values = (0..len).map(|_| match chance.below(3) {
            0 => f64::NAN,
            _ => chance.below(1 << 20) as f64 / 1e6,
        });
        values.collect()
    }),
    ("large integers", |chance, len| {
        let integers = (0..len).map(|_| chance.bits().cast_signed() >> chance.below(12));
        integers.map(|integer| integer as f64).collect()
    }),
];

/// Running sums, rounded as additions round.
fn sums(chance: &mut Chance, len: usize, mut next: impl FnMut(&mut Chance) -> f64) -> Vec<f64> {
    let mut sum = chance.below(1_000_000) as f64;
    let values = (0..len).map(|_| {
        sum += next(chance);
        sum
    });
    values.collect()
}
