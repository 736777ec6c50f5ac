//! The start timestamps of one series in one slice as bytes, a *start cell*.
//!
//! Most series began to count once and say so in every sample; some begin anew with each sample,
//! and then say the time of the one before. Both are long runs of one number.
//!
//! It is not: where a cell lies ([`crate::side`]).

use narthex_nx::varint::{self, Input};

use crate::Fault;

/// The numbers are the start timestamps.
const ABSOLUTE: u8 = 0;

/// The numbers are the start timestamps less the time of the sample before, that of the sample
/// itself for the first.
const RELATIVE: u8 = 1;

/// Encodes the starts of samples at these times, as many as there are.
pub(crate) fn encode(starts: &[i64], timestamps: &[i64]) -> Vec<u8> {
    let relative: Vec<i64> = starts
        .iter()
        .zip(befores(timestamps))
        .map(|(start, before)| start.wrapping_sub(before))
        .collect();
    let runs = |numbers: &[i64]| numbers.chunk_by(|a, b| a == b).count();
    let (kind, numbers) = match runs(&relative) < runs(starts) {
        true => (RELATIVE, relative.as_slice()),
        false => (ABSOLUTE, starts),
    };
    let mut out = vec![kind];
    let mut previous = 0_i64;
    for run in numbers.chunk_by(|a, b| a == b) {
        let number = run.first().copied().unwrap_or_default();
        varint::push(&mut out, run.len() as u64 - 1);
        varint::push_folded(&mut out, number.wrapping_sub(previous));
        previous = number;
    }
    out
}

/// Decodes the starts of samples at these times.
pub(crate) fn decode(cell: &[u8], timestamps: &[i64]) -> Result<Vec<i64>, Fault> {
    let mut input = Input::new(cell, "a cell of start timestamps is not one");
    let kind = input.byte()?;
    let mut starts: Vec<i64> = Vec::with_capacity(timestamps.len());
    let mut number = 0_i64;
    while !input.is_empty() {
        let left = timestamps.len() - starts.len();
        let more = input.size(left.checked_sub(1).ok_or_else(|| input.broken())?)?;
        number = number.wrapping_add(input.folded()?);
        starts.resize(starts.len() + more + 1, number);
    }
    if starts.len() < timestamps.len() || kind > RELATIVE {
        return Err(input.broken().into());
    }
    if kind == RELATIVE {
        for (start, before) in starts.iter_mut().zip(befores(timestamps)) {
            *start = start.wrapping_add(before);
        }
    }
    Ok(starts)
}

/// The time before each time.
fn befores(timestamps: &[i64]) -> impl Iterator<Item = i64> + '_ {
    timestamps.first().into_iter().chain(timestamps).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_come_back_and_usual_ones_are_short() {
        let times: Vec<i64> = (0..480).map(|i| i * 15_000 + i % 3).collect();
        let once = vec![1_700_000_000_000; 480];
        let restarted = [vec![0; 5], vec![1_700_000_000_000; 475]].concat();
        let each: Vec<i64> = befores(&times).take(480).collect();
        let wild: Vec<i64> = times.iter().map(|t| t.wrapping_mul(i64::MAX / 7)).collect();
        let extreme = [i64::MIN, i64::MAX, 0, -1];
        for (starts, times, bytes_max) in [
            (&once[..], &times[..], 10),
            (&restarted, &times, 12),
            (&each, &times, 5),
            (&wild, &times, 6_000),
            (&extreme, &[i64::MIN, -1, 0, i64::MAX], 60),
            (&[7], &[9], 10),
        ] {
            let cell = encode(starts, times);
            assert!(cell.len() <= bytes_max, "{} bytes", cell.len());
            assert_eq!(decode(&cell, times).unwrap(), starts);
            assert!(decode(&cell, &times[1..]).is_err());
            for end in 0..cell.len() {
                assert!(decode(&cell[..end], times).is_err(), "cut at {end}");
            }
        }
        assert!(decode(&[2, 0, 0], &[1]).is_err());
    }
}
