//! Chunks written out to the bit, one of each encoding.

use narthex_model::sample::STALE_NAN;

use super::handmade::{Chunk, bits, changed, float, low};

/// Seven floats, with a staleness marker and each width of time.
pub(crate) fn xor() -> Chunk {
    let text = [
        low(7, 16),
        // The first time, twice 1000 in two bytes, and value; then 15,000 ms later.
        "11010000 00001111".to_owned(),
        float(1.0),
        "10011000 01110101 11 00000 000000".to_owned(),
        changed(1.0, STALE_NAN),
        // As expected and the same; 100 ms early and changed in the same place.
        "0 0".to_owned(),
        "10".to_owned() + &low(-100, 14) + "10",
        changed(STALE_NAN, 2.0),
        "110".to_owned() + &low(40_000, 17) + "0",
        "1110".to_owned() + &low(300_000, 20) + "0",
        // A change of the 16 bits in the middle, with 24 zeros on either side.
        "1111".to_owned() + &low(1_000_000, 64) + "11 11000 010000" + &low(0xBEEF, 16),
    ];
    Chunk {
        encoding: 1,
        data: bits(&text.concat()),
        range: (
            1_000,
            1_000 + 15_000 * 2 + 14_900 + 54_900 + 354_900 + 1_354_900,
        ),
    }
}

/// Nine floats with start times in XOR2, with each prefix that there is.
pub(crate) fn xor2() -> Chunk {
    let text = [
        low(9, 16),
        // The first sample has a start, and from the third on each.
        "1 0000010".to_owned(),
        "11010000 00001111".to_owned(),
        float(1.0),
        "10110000 00001001".to_owned(),
        "10011000 01110101 0".to_owned(),
        "0 11110".to_owned() + &low(500, 12),
        "10 1 00000 000000".to_owned() + &changed(1.0, 2.5) + "0",
        "11111 0".to_owned(),
        "110".to_owned() + &low(5, 13) + "0 10 010",
        "1110".to_owned() + &low(-5_000, 20) + "10" + &changed(2.5, 3.5) + "0",
        "11110".to_owned() + &low(1_000_000, 64) + "111 0",
        "10 0".to_owned() + &changed(3.5, 1.0) + "0",
    ];
    Chunk {
        encoding: 4,
        data: bits(&text.concat()),
        range: (1_000, 86_010 + 1_010_005 * 2),
    }
}

/// Four histograms of integers after a reset, the last one a staleness marker.
pub(crate) fn integers(start_ms: i64) -> Chunk {
    let text = [
        low(4, 16),
        "10 000000".to_owned(),
        // Threshold 2^-128, schema 1; buckets -1, 0 and 4, and below zero 0.
        low(116, 8),
        "10 001".to_owned(),
        "10 010  10 010 10 111  10 001 10 011".to_owned(),
        "10 001  10 001 0".to_owned(),
        "11111111".to_owned() + &low(start_ms, 64),
        "110 001100  10 010".to_owned(),
        float(18.4),
        "10 011 10 111 10 010  10 001".to_owned(),
        "111110".to_owned() + &low(15_000, 18) + "110 000101 0 0",
        "10 100 10 101 0  10 100".to_owned(),
        "0 0 0 11 00000 000000".to_owned() + &changed(18.4, 20.5) + "0 0 0  0",
        "0 0 0 10".to_owned() + &changed(20.5, STALE_NAN),
    ];
    Chunk {
        encoding: 2,
        data: bits(&text.concat()),
        range: (start_ms, start_ms + 45_000),
    }
}

/// Two gauge histograms of floats with custom bounds.
pub(crate) fn floats() -> Chunk {
    let text = [
        low(2, 16),
        "11 000000".to_owned(),
        "11111111".to_owned() + &float(0.001),
        // Schema -53; buckets 0 to 2, bounds 0.5 and a third.
        "1110".to_owned() + &low(-53, 9),
        "10 001  10 011 0   0".to_owned(),
        "10 010  1110".to_owned() + &low(501, 9) + "0" + &float(1.0 / 3.0),
        "11110".to_owned() + &low(2_000, 12),
        [6.5, 0.0, 3.25, 1.5, 2.0, 3.0].map(float).concat(),
        "111110".to_owned() + &low(15_000, 18),
        "11 00000 000000".to_owned() + &changed(6.5, 7.5) + "0",
        "11 00000 000000".to_owned() + &changed(3.25, 4.0),
        "0 0 11 00000 000000".to_owned() + &changed(3.0, 4.0),
    ];
    Chunk {
        encoding: 3,
        data: bits(&text.concat()),
        range: (2_000, 17_000),
    }
}
