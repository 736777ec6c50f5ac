//! What planes will cost once a page of cells is compressed: an estimate, to choose by.
//!
//! It is what an adaptive coder of order 0 would need for each plane: a byte that was frequent
//! until then is cheap, and no plane costs more than its bytes. Integers only, so that all machines
//! choose alike.

use std::sync::LazyLock;

use crate::planes;

/// Costs are counted in parts of a bit.
const PARTS: f64 = 256.0;

/// The cost of a byte.
pub(crate) const BYTE: u64 = 8 * 256;

/// How many numbers are looked at; the cost of further ones is taken to be like theirs.
const SAMPLE_MAX: usize = 4_096;

/// How much a byte counts that was not seen yet, of a byte that was seen once.
const UNSEEN: f64 = 0.25;

/// The cost of `count` bytes is `total[count]` less `own[n]` for each byte that comes n times.
struct Costs {
    total: Vec<i64>,
    own: Vec<i64>,
}

#[allow(clippy::cast_possible_truncation, reason = "below 2^32 and rounded")]
static COSTS: LazyLock<Costs> = LazyLock::new(|| {
    let sums = |start: f64| {
        let counts = (0..SAMPLE_MAX).map(|count| (count as f64 + start).log2() * PARTS);
        let sums = counts.scan(0.0, |sum, cost| {
            *sum += cost;
            Some(sum.round() as i64)
        });
        std::iter::once(0).chain(sums).collect()
    };
    Costs {
        total: sums(256.0 * UNSEEN),
        own: sums(UNSEEN),
    }
});

/// The cost of the planes of `numbers`; `None` where it is not below `limit`.
pub(crate) fn cost_below(numbers: &[u64], limit: u64) -> Option<u64> {
    let sample = &numbers[..numbers.len().min(SAMPLE_MAX)];
    let all = sample.iter().fold(0, |all, number| all | number);
    let costs = &*COSTS;
    let mut cost = 0;
    for plane in 0..planes::width(all) {
        // Up to the largest byte of the plane, which in the highest one is often small.
        let range = 1 + (all >> (8 * plane)).min(255);
        let counts = counts(sample, plane);
        let counted = counts.iter().take(range.try_into().unwrap_or(256));
        let own: i64 = counted.map(|n| costs.own[usize::from(*n)]).sum();
        let adaptive = (costs.total[sample.len()] - own).max(0).cast_unsigned();
        let of_sample = adaptive.min(BYTE * sample.len() as u64);
        cost += match sample.len() == numbers.len() {
            true => of_sample,
            false => of_sample / SAMPLE_MAX as u64 * numbers.len() as u64,
        };
        if cost >= limit {
            return None;
        }
    }
    (cost < limit).then_some(cost)
}

/// How often each byte comes in a plane.
fn counts(numbers: &[u64], plane: u8) -> [u16; 256] {
    let byte = |number: u64| usize::from((number >> (8 * plane)).to_le_bytes()[0]);
    // Four tables, as a processor waits before it counts the same byte again.
    let mut tables = [[0_u16; 256]; 4];
    let mut fours = numbers.chunks_exact(4);
    for four in &mut fours {
        for (table, number) in tables.iter_mut().zip(four) {
            table[byte(*number)] += 1;
        }
    }
    let [mut counts, others @ ..] = tables;
    for number in fours.remainder() {
        counts[byte(*number)] += 1;
    }
    for other in others {
        for (count, more) in counts.iter_mut().zip(other) {
            *count += more;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_cheap_and_what_does_not_costs_its_bytes() {
        let bytes = |numbers: &[u64]| cost_below(numbers, u64::MAX).unwrap() / BYTE;
        assert_eq!(bytes(&[]), 0);
        assert_eq!(bytes(&[0; 480]), 0);
        assert!((1..60).contains(&bytes(&[7; 480])));
        let rare: Vec<u64> = (0..480).map(|i| u64::from(i % 60 == 7)).collect();
        assert!((10..60).contains(&bytes(&rare)), "{}", bytes(&rare));
        let random = |len: u64| -> Vec<u64> {
            let mixed = (0..len).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            mixed.map(|mixed| mixed >> 40).collect()
        };
        // Three planes of which no byte can be foretold.
        let cost = bytes(&random(4_000));
        assert!((11_000..14_000).contains(&cost), "{cost}");
        let ten_times = bytes(&random(40_000));
        assert!((cost * 9..cost * 11).contains(&ten_times), "{ten_times}");
        let zeros = [0; 480];
        assert_eq!(cost_below(&zeros, 1), Some(0));
        assert_eq!(cost_below(&zeros, 0), None);
        assert_eq!(cost_below(&random(480), BYTE * 480), None);
    }
}
