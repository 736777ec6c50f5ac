//! All bits come back, and shaped series are as small as their shape allows.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::shapes::{Chance, SHAPES};
use crate::{STALE, bits, decoded, encoded};

fn check(values: &[f64]) {
    let cell = encoded(values);
    let found = decoded(&cell, values.len()).unwrap();
    assert_eq!(bits(&found), bits(values));
    assert!(cell.len() <= 8 * values.len() + 3, "{} bytes", cell.len());
    let count = values.len();
    for (start, end) in [
        (0, 1),
        (1, count),
        (count / 3, count - count / 3),
        (129, 131),
    ] {
        let mut some = vec![7.0];
        narthex_nx::decode_range(&cell, count, start..end, &mut some).unwrap();
        let expected = values.get(start..end.min(count)).unwrap_or_default();
        assert_eq!(bits(&some[1..]), bits(expected), "{start} to {end}");
    }
}

/// Values that are at the edge of something.
const EDGES: [u64; 18] = [
    0,
    1 << 63,
    1,
    1 << 63 | 1,
    STALE,
    0x7ff8_0000_0000_0001,
    0xfff8_dead_beef_0001,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0x4340_0000_0000_0000,
    0x4340_0000_0000_0001,
    0x43e0_0000_0000_0000,
    0xc3e0_0000_0000_0000,
    0x43df_ffff_ffff_ffff,
    u64::MAX,
];

#[test]
fn no_value_has_no_byte() {
    assert!(encoded(&[]).is_empty());
    assert_eq!(decoded(&[], 0), Ok(vec![]));
}

#[test]
fn values_and_cells_are_appended() {
    let (mut cell, mut values) = (vec![9; 3], vec![7.0]);
    narthex_nx::encode(&[1.0, 2.5], &mut cell);
    assert_eq!(cell[..3], [9; 3]);
    narthex_nx::decode(&cell[3..], 2, &mut values).unwrap();
    assert_eq!(values, [7.0, 1.0, 2.5]);
}

#[test]
fn edges_come_back_alone_and_in_pairs() {
    for first in EDGES {
        check(&[f64::from_bits(first)]);
        for second in EDGES {
            let pair = [f64::from_bits(first), f64::from_bits(second)];
            check(&pair);
            let among_decimals = [1.5, pair[0], pair[0], 2.5, pair[1], 0.25];
            check(&among_decimals);
            let long: Vec<f64> = (0..300).map(|i| pair[usize::from(i % 70 == 69)]).collect();
            check(&long);
        }
    }
}

#[test]
fn every_shape_of_every_length_comes_back() {
    let lengths = [1, 2, 3, 7, 64, 119, 120, 127, 128, 129, 480, 1_000, 10_000];
    for (name, shape) in SHAPES {
        for len in lengths {
            for seed in 0..3 {
                println!("{name}, {len} values, seed {seed}");
                let values = shape(&mut Chance::new(seed), len);
                check(&values);
                // A few values may be shortest as their bare bits; more are only where the
                // codec went wrong, and saw it.
                let is_bare = encoded(&values).starts_with(&[0x02, 0x80, 0x00]);
                assert!(!is_bare || len < 8);
            }
        }
    }
}

#[test]
fn shapes_take_what_they_mean() {
    // Bytes for each of 480 values, before any compression of pages.
    let bounds = [
        ("constant", 0.02),
        ("constant with one exception", 0.05),
        ("counter", 2.1),
        ("bytes in pages", 3.1),
        ("gauge with decimals", 2.1),
        ("durations in nanoseconds", 4.1),
        ("sum with noise of ulps", 4.1),
        ("short float", 5.1),
        ("counter with stale markers", 1.1),
    ];
    for (name, bound) in bounds {
        let (_, shape) = SHAPES.iter().find(|(known, _)| *known == name).unwrap();
        let size = encoded(&shape(&mut Chance::new(1), 480)).len() as f64 / 480.0;
        assert!(size <= bound, "{name}: {size} bytes a value");
    }
}

proptest! {
    #[test]
    fn any_bits_come_back(bits in vec(any::<u64>(), 1..300)) {
        check(&bits.into_iter().map(f64::from_bits).collect::<Vec<_>>());
    }

    #[test]
    fn any_bits_among_decimals_come_back(
        values in vec((0..20_u8, any::<u64>(), -100_000..100_000_i64), 1..600),
        places in 0..10,
    ) {
        let scale = 10_f64.powi(places);
        let values = values.into_iter().map(|(kind, bits, integer)| match kind {
            0 => f64::from_bits(bits),
            1 => f64::from_bits(STALE),
            _ => integer as f64 / scale,
        });
        check(&values.collect::<Vec<_>>());
    }

    #[test]
    fn any_shape_comes_back(shape in 0..SHAPES.len(), seed: u64, len in 1..10_000_usize) {
        check(&SHAPES[shape].1(&mut Chance::new(seed), len));
    }
}
