//! Cells as FORMAT.md says. A cell that was written is read for ever, so what these bytes mean
//! never changes; what is written for the values may, where it is still read.

use crate::{STALE, bits, decoded, encoded};

fn reads(cell: &[u8], values: &[f64]) {
    assert_eq!(bits(&decoded(cell, values.len()).unwrap()), bits(values));
}

fn writes(values: &[f64], cell: &[u8]) {
    assert_eq!(encoded(values), cell, "{values:?}");
    reads(cell, values);
}

#[test]
fn the_example_of_the_format() {
    let values = [0.5, 1.0, f64::from_bits(STALE), 2.0];
    let cell = [
        &[0x64, 0x11, 0x0a, 0x05][..],
        &[2, 0, 4],
        &[2, 0, 2, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    ];
    writes(&values, &cell.concat());
}

#[test]
fn decimals_under_each_transform() {
    // Offset: two places, from -1.50 on.
    reads(&[0x00, 0x12, 0xab, 0x02, 0, 5, 250], &[-1.5, -1.45, 1.0]);
    // Delta: 300 up, 1 down.
    reads(
        &[0x04, 0x20, 0x14, 0x58, 0x01, 0x02, 0x00],
        &[10.0, 310.0, 309.0],
    );
    // Delta2: 10 up at first, then 12, then 11.
    reads(&[0x08, 0x10, 0x00, 0x14, 4, 1], &[0.0, 10.0, 22.0, 33.0]);
    // Xor, which no writer of ours uses for decimals.
    reads(&[0x0c, 0x10, 0x06, 1, 3], &[3.0, 2.0, 1.0]);
    // Slope: at least 100 up, in steps of 4.
    reads(&[0x30, 0x10, 0x02, 0x04, 0x32, 0, 2], &[1.0, 101.0, 209.0]);
    // No plane at all: nothing changes, or all changes are alike.
    reads(&[0x00, 0x01, 0x06], &[0.3; 200]);
    reads(&[0x10, 0x00, 0x00, 0x01], &[0.0, -1.0, -2.0]);
}

#[test]
fn decimals_far_from_zero_are_exact() {
    let far = (1_i64 << 53) as f64;
    let base = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    reads(
        &[&[0x00, 0x10][..], &base, &[0, 2, 1]].concat(),
        &[far, far + 2.0, far],
    );
    // 2^63, which as a signed integer is the lowest.
    let lowest = [&[0x00, 0x00][..], &[0xff; 9], &[0x01]].concat();
    reads(&lowest, &[i64::MIN as f64]);
}

#[test]
fn corrections_count_doubles() {
    let up = |value: f64, steps: i64| {
        f64::from_bits((value.to_bits().cast_signed() + steps).cast_unsigned())
    };
    // Slope 0.1, and corrections of 0, 1 and -1 doubles.
    let absolute = [0x11, 0x01, 0x02, 0x02, 0x01, 0, 2, 1];
    reads(&absolute, &[0.1, up(0.2, 1), up(0.3, -1)]);
    // The same, each correction as what it has more than the one before.
    let deltas = [0x11, 0x01, 0x02, 0x02, 0x11, 0, 2, 3];
    reads(&deltas, &[0.1, up(0.2, 1), up(0.3, -1)]);
    // One below zero is -0.0, and then comes the smallest negative one.
    reads(
        &[0x01, 0x00, 0x00, 0x01, 0, 1, 3],
        &[0.0, -0.0, -f64::from_bits(1)],
    );
}

#[test]
fn raw_bits_under_each_transform() {
    let one = 1_f64.to_bits();
    // The bits of 1.0, folded.
    let base = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xf0, 0x7f];
    let cell = |flags: u8, rest: &[u8]| [&[flags, 0x10][..], &base, rest].concat();
    let doubles = |offsets: &[u64]| -> Vec<f64> {
        offsets
            .iter()
            .map(|offset| f64::from_bits(one + offset))
            .collect()
    };
    reads(&cell(0x02, &[0, 7, 255]), &doubles(&[0, 7, 255]));
    reads(&cell(0x06, &[6, 1]), &doubles(&[0, 3, 2]));
    reads(&cell(0x0a, &[2, 1, 2]), &doubles(&[0, 1, 1, 2]));
    reads(&cell(0x0e, &[5, 4]), &doubles(&[0, 5, 1]));
    reads(&cell(0x12, &[0, 3, 0]), &doubles(&[0, 3, 3]));
    // Steps of 2^44.
    let step = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x04];
    let stepped = cell(0x26, &[&step[..], &[2, 4]].concat());
    reads(&stepped, &doubles(&[0, 1 << 44, 3 << 44]));
    // The bits as they are.
    let stale = [0x02, 0x80, 0x00, 2, 0, 0, 0, 0, 0, 0xf0, 0x7f];
    reads(&stale, &[f64::from_bits(STALE)]);
}

#[test]
fn exceptions_come_in_runs() {
    let infinite = [0, 0, 0, 0, 0, 0, 0xf0, 0xff];
    let zero = [0, 0, 0, 0, 0, 0, 0, 0x80];
    let cell = [&[0x40, 0x00, 0x02, 1, 1][..], &infinite, &[0, 0], &zero].concat();
    let low = f64::NEG_INFINITY;
    reads(&cell, &[1.0, low, low, -0.0, 1.0]);
    writes(&[1.0, low, low, -0.0, 1.0], &cell);
}
