//! A decoder of cells by someone who has only read FORMAT.md, section "Cells": value by value,
//! without a thought for speed.

/// What is left of a cell.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap();
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }

    fn planes(&mut self, width: u8, len: usize) -> Vec<u64> {
        let mut numbers = vec![0; len];
        for plane in 0..width {
            for number in &mut numbers {
                *number |= u64::from(self.byte()) << (8 * plane);
            }
        }
        numbers
    }
}

fn unfold(folded: u64) -> u64 {
    match folded & 1 {
        0 => folded >> 1,
        _ => !(folded >> 1),
    }
}

fn ordinal(bits: u64) -> u64 {
    match bits >> 63 {
        0 => bits,
        _ => bits ^ (u64::MAX >> 1),
    }
}

/// The bits of the values of a cell.
pub(crate) fn decode(cell: &[u8], count: usize) -> Vec<u64> {
    let mut cell = Bytes(cell);
    let (flags, nibbles) = (cell.byte(), cell.byte());
    let (kind, transform) = (flags & 3, flags >> 2 & 7);
    let base = unfold(cell.number());
    let step = if flags & 32 == 0 { 1 } else { cell.number() };
    let slope = match transform {
        2 | 4 => unfold(cell.number()),
        _ => 0,
    };
    let correction = if kind == 1 { cell.byte() } else { 0 };
    let corrections = cell.planes(correction & 15, if kind == 1 { count } else { 0 });
    let lead = [0, 1, 2, 1, 1][usize::from(transform)];
    let residuals = cell.planes(nibbles >> 4, count.saturating_sub(lead));

    let (mut integer, mut delta) = (base, slope);
    let mut further = residuals.iter().copied();
    let mut found = Vec::new();
    for index in 0..count {
        if transform == 0 {
            let residual = further.next().unwrap();
            integer = base.wrapping_add(step.wrapping_mul(residual));
        } else if index > 0 {
            let mut residual = || further.next().unwrap();
            let change = match transform {
                1 => unfold(residual()),
                2 if index == 1 => delta,
                2 => {
                    delta = delta.wrapping_add(unfold(residual()));
                    delta
                }
                3 => residual(),
                _ => slope.wrapping_add(residual()),
            };
            let change = step.wrapping_mul(change);
            integer = match transform {
                3 => integer ^ change,
                _ => integer.wrapping_add(change),
            };
        }
        let decimal = integer.cast_signed() as f64 / 10_f64.powi(i32::from(nibbles & 15));
        found.push(if kind == 2 {
            integer
        } else {
            decimal.to_bits()
        });
    }
    let mut up = 0_u64;
    for (bits, folded) in found.iter_mut().zip(corrections) {
        up = match correction & 16 {
            0 => unfold(folded),
            _ => up.wrapping_add(unfold(folded)),
        };
        *bits = ordinal(ordinal(*bits).wrapping_add(up));
    }
    let mut place = 0;
    while !cell.0.is_empty() {
        assert!(flags & 64 != 0);
        place += usize::try_from(cell.number()).unwrap();
        let end = place + usize::try_from(cell.number()).unwrap() + 1;
        let bits = cell.planes(1, 8).into_iter().rev();
        found[place..end].fill(bits.fold(0, |bits, byte| bits << 8 | byte));
        place = end;
    }
    found
}
