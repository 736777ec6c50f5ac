use std::sync::Arc;

use narthex_model::FloatHistogram;
use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint};

use super::{LAYOUTS_MAX, PART_VALUES_MAX, decode, encode};

#[path = "../../../block/tests/block/histogram_bits.rs"]
mod histogram_bits;

use histogram_bits::histogram_bits;

fn comes_back(histograms: &[FloatHistogram]) -> Vec<u8> {
    let borrowed: Vec<&FloatHistogram> = histograms.iter().collect();
    let cell = encode(&borrowed).unwrap();
    let found = decode(&cell, histograms.len()).unwrap();
    assert_eq!(found.len(), histograms.len());
    for (found, expected) in found.iter().zip(histograms) {
        assert_eq!(histogram_bits(found), histogram_bits(expected));
    }
    assert!(decode(&cell, histograms.len() + 1).is_err());
    if !histograms.is_empty() {
        assert!(decode(&cell, histograms.len() - 1).is_err());
    }
    cell
}

fn buckets(pairs: &[(i32, f64)]) -> Buckets {
    let (indexes, counts): (Vec<i32>, Vec<f64>) = pairs.iter().copied().unzip();
    Buckets::new(indexes, counts).unwrap()
}

/// Histograms of all kinds: counters whose buckets appear one by one, gauges, floats, custom
/// bounds, strange numbers.
fn zoo() -> Vec<FloatHistogram> {
    let strange = f64::from_bits(0x7ff8_dead_0000_0001);
    let mut all = Vec::new();
    for i in 0..50_i32 {
        let count = f64::from(i);
        let more = [(-3, count), (0, count * 2.0), (1, 7.0), (i + 5, 1.0)];
        all.push(FloatHistogram {
            counter_reset_hint: match i % 7 {
                0 => CounterResetHint::Unknown,
                _ => CounterResetHint::NotReset,
            },
            schema: 3,
            zero_threshold: 2.938_735_877_055_719e-39,
            zero_count: 1.0,
            count: 9.0 + 3.0 * count,
            sum: 0.1 * count,
            positive: buckets(&more),
            negative: buckets(if i < 25 { &[] } else { &[(2, 0.5)] }),
            custom_bounds: [].into(),
        });
    }
    all[9].count = strange;
    all.push(FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        schema: -4,
        zero_threshold: -0.0,
        zero_count: -0.0,
        count: f64::NEG_INFINITY,
        sum: strange,
        positive: buckets(&[(i32::MIN, -1.5), (i32::MAX, strange)]),
        negative: buckets(&[(i32::MAX - 1, 1.0), (i32::MAX, 2.0)]),
        custom_bounds: [].into(),
    });
    for bounds in [&[0.5, 1.0, 2.5][..], &[0.5, 1.0, 2.5], &[0.5, strange]] {
        all.push(FloatHistogram {
            counter_reset_hint: CounterResetHint::Reset,
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            positive: buckets(&[(0, 1.0), (3, 2.0)]),
            custom_bounds: bounds.into(),
            ..FloatHistogram::default()
        });
    }
    all.push(FloatHistogram::default());
    all
}

#[test]
fn every_bit_of_every_kind_comes_back() {
    comes_back(&[]);
    let zoo = zoo();
    comes_back(&zoo);
    for one in &zoo {
        comes_back(std::slice::from_ref(one));
    }
}

#[test]
fn a_bucket_that_appears_does_not_begin_a_new_part() {
    let histogram = |i: u32| {
        let filled = (i / 20).min(20);
        let counts = vec![f64::from(i); filled as usize];
        FloatHistogram {
            count: f64::from(i * filled),
            positive: Buckets::consecutive(0, counts).unwrap(),
            ..FloatHistogram::default()
        }
    };
    let all: Vec<_> = (0..480).map(histogram).collect();
    let cell = comes_back(&all);
    assert_eq!(cell[..2], [0xe0, 0x03], "all 480 are one part");
}

#[test]
fn parts_keep_their_bounds() {
    // Each histogram has buckets of its own: unions and layouts grow.
    let alone = |i: usize| FloatHistogram {
        positive: buckets(&[(i32::try_from(i).unwrap() * 3, 1.0)]),
        ..FloatHistogram::default()
    };
    comes_back(&(0..LAYOUTS_MAX * 2).map(alone).collect::<Vec<_>>());
    // Many different subsets of few buckets.
    let subset = |i: usize| {
        let pairs = (0..10)
            .filter(|bit| i >> bit & 1 == 1)
            .map(|bit| (bit, 1.0));
        FloatHistogram {
            positive: buckets(&pairs.collect::<Vec<_>>()),
            ..FloatHistogram::default()
        }
    };
    comes_back(&(0..1_024).map(subset).collect::<Vec<_>>());
    // Wide ones make short parts, and one beyond the bound is refused.
    let wide = |buckets: usize| FloatHistogram {
        positive: Buckets::consecutive(0, vec![1.0; buckets]).unwrap(),
        ..FloatHistogram::default()
    };
    comes_back(&vec![wide(PART_VALUES_MAX / 64); 70]);
    let error = encode(&[&wide(PART_VALUES_MAX)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a histogram has 4194304 buckets and bounds"
    );
    let unknown = FloatHistogram {
        schema: 9,
        ..FloatHistogram::default()
    };
    let error = encode(&[&unknown]).unwrap_err();
    assert_eq!(error.to_string(), "a histogram has the schema 9");
}

#[test]
fn a_cell_that_is_cut_or_changed_is_refused_or_gives_histograms() {
    let zoo: Vec<_> = zoo().into_iter().skip(45).collect();
    let borrowed: Vec<&FloatHistogram> = zoo.iter().collect();
    let cell = encode(&borrowed).unwrap();
    for end in 0..cell.len() {
        assert!(decode(&cell[..end], zoo.len()).is_err(), "cut at {end}");
    }
    for at in 0..cell.len() {
        for bit in 0..8 {
            let mut changed = cell.clone();
            changed[at] ^= 1 << bit;
            if let Ok(found) = decode(&changed, zoo.len()) {
                assert_eq!(found.len(), zoo.len());
            }
        }
    }
}

#[test]
fn the_decoder_shares_buckets_among_histograms() {
    let all = vec![zoo()[0].clone(); 3];
    let borrowed: Vec<&FloatHistogram> = all.iter().collect();
    let found = decode(&encode(&borrowed).unwrap(), 3).unwrap();
    let address = |h: &Arc<FloatHistogram>| h.positive.indexes().as_ptr();
    assert_eq!(address(&found[0]), address(&found[2]));
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_the_decoder(
        bytes in proptest::collection::vec(0_u8.., 0..80),
        count in 0_usize..40,
    ) {
        if let Ok(found) = decode(&bytes, count) {
            proptest::prop_assert_eq!(found.len(), count);
        }
    }
}
