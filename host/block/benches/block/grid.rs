//! When a target is scraped: every 15 s, now and then a millisecond late.

use arrow_buffer::ScalarBuffer;
use narthex_block::SLICE_MS;

use crate::fleet::Chance;

/// Between two scrapes.
pub(crate) const INTERVAL_MS: i64 = 15_000;

/// Scrapes in a slice.
pub(crate) const SCRAPES: usize = 480;

/// The times of the scrapes of a target, which all of its series share.
pub(crate) fn times(target: u64, slices: usize) -> ScalarBuffer<i64> {
    let mut chance = Chance(target + 1);
    let offset = i64::try_from(chance.below(14_000)).unwrap();
    let all = 0..i64::try_from(SCRAPES * slices).unwrap();
    let times = all.map(|n| n * INTERVAL_MS + offset + i64::from(chance.below(7) == 0));
    let times: Vec<i64> = times.collect();
    assert!(
        times
            .last()
            .is_none_or(|last| *last < SLICE_MS * i64::try_from(slices).unwrap())
    );
    times.into()
}
