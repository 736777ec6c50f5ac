//! Up to [`CHUNK_SAMPLES`] samples of one series, encoded without loss.
//!
//! Each sample is one control byte and what it announces. The two low bits say how the change of
//! the time step is written: not at all, in one byte, in two, or in eight. The six high bits say
//! which bytes of the value differ from the value before: none, or `n` bytes from byte `s` on.
//! Samples that change neither step nor value are counted instead: a control byte of their own
//! and how many there are. A constant sampled on a grid thus takes next to nothing.
//!
//! It is not: a format. Chunks never leave the process.

use std::sync::Arc;

use narthex_storage::TimeRange;

/// A chunk is sealed once it has this many samples.
pub(crate) const CHUNK_SAMPLES: u16 = 120;

/// By how much the buffer of an open chunk grows; doubling would waste half of it.
const OPEN_GROWTH_BYTES: usize = 48;

/// The most bytes one sample takes: control, time, value.
const SAMPLE_BYTES_MAX: usize = 17;

/// The control byte of a run; the byte behind it counts the samples.
const RUN: u8 = 0xfc;

/// For each value code: the first byte that differs, and how many do.
const SHAPES: [(u8, u8); 64] = shapes();

const fn shapes() -> [(u8, u8); 64] {
    let mut table = [(0, 0); 64];
    let (mut code, mut first) = (1, 0);
    while first < 8 {
        let mut count = 1;
        while first + count <= 8 {
            table[code] = (first, count);
            code += 1;
            count += 1;
        }
        first += 1;
    }
    table
}

/// The first code of each `first` in [`SHAPES`], so that a code is `FIRST_CODE[first] + count`.
const FIRST_CODE: [u8; 8] = [0, 8, 15, 21, 26, 30, 33, 35];

/// A sealed chunk. A clone shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    bytes: Arc<[u8]>,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    count: u16,
}

/// A chunk that takes samples.
#[derive(Debug, Default)]
pub(crate) struct OpenChunk {
    bytes: Vec<u8>,
    state: State,
    pub(crate) start_ms: i64,
    count: u16,
    /// Whether the buffer ends with a run.
    in_run: bool,
}

/// What the next sample is a difference to.
#[derive(Debug, Default, Clone, Copy)]
struct State {
    timestamp_ms: i64,
    step_ms: i64,
    bits: u64,
}

impl OpenChunk {
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    pub(crate) fn end_ms(&self) -> i64 {
        self.state.timestamp_ms
    }

    /// Adds a sample. The caller keeps the times ascending.
    pub(crate) fn push(&mut self, timestamp_ms: i64, bits: u64) {
        let step_ms = timestamp_ms.wrapping_sub(self.state.timestamp_ms);
        let change = step_ms.wrapping_sub(self.state.step_ms);
        self.push_difference(change, bits ^ self.state.bits);
        if self.count == 0 {
            self.start_ms = timestamp_ms;
        }
        self.state = State {
            timestamp_ms,
            step_ms: if self.count == 0 { 0 } else { step_ms },
            bits,
        };
        self.count += 1;
    }

    fn push_difference(&mut self, change: i64, difference: u64) {
        let is_run = change == 0 && difference == 0;
        if is_run
            && self.in_run
            && let Some(count) = self.bytes.last_mut()
            && *count < u8::MAX
        {
            *count += 1;
            return;
        }
        if self.bytes.capacity() - self.bytes.len() < SAMPLE_BYTES_MAX {
            self.bytes.reserve_exact(OPEN_GROWTH_BYTES);
        }
        self.in_run = is_run;
        if is_run {
            self.bytes.extend([RUN, 1]);
            return;
        }
        let control_at = self.bytes.len();
        self.bytes.push(0);
        let time_code = self.push_change(change);
        let value_code = self.push_value(difference);
        self.bytes[control_at] = value_code << 2 | time_code;
    }

    fn push_change(&mut self, change: i64) -> u8 {
        if change == 0 {
            0
        } else if let Ok(byte) = i8::try_from(change) {
            self.bytes.extend(byte.to_le_bytes());
            1
        } else if let Ok(two) = i16::try_from(change) {
            self.bytes.extend(two.to_le_bytes());
            2
        } else {
            self.bytes.extend(change.to_le_bytes());
            3
        }
    }

    fn push_value(&mut self, difference: u64) -> u8 {
        if difference == 0 {
            return 0;
        }
        let first = (difference.trailing_zeros() / 8) as usize;
        let end = 8 - (difference.leading_zeros() / 8) as usize;
        self.bytes
            .extend_from_slice(&difference.to_le_bytes()[first..end]);
        FIRST_CODE[first] + u8::try_from(end - first).unwrap_or(8)
    }

    /// The samples so far, as a chunk of their own.
    pub(crate) fn copy(&self) -> Chunk {
        Chunk {
            bytes: Arc::from(self.bytes.as_slice()),
            start_ms: self.start_ms,
            end_ms: self.end_ms(),
            count: self.count,
        }
    }

    /// The samples so far; the chunk starts anew and keeps its buffer.
    pub(crate) fn seal(&mut self) -> Chunk {
        let sealed = self.copy();
        self.bytes.clear();
        self.state = State::default();
        self.count = 0;
        self.in_run = false;
        sealed
    }

    /// The first sample at or after `from_ms`.
    pub(crate) fn first_from(&self, from_ms: i64) -> Option<i64> {
        Samples::new(&self.bytes, self.count).find_from(from_ms)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Chunk {
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.start_ms <= range.end_ms && range.start_ms <= self.end_ms
    }

    /// Adds the samples in the range to the columns.
    pub(crate) fn read(&self, range: TimeRange, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        for (timestamp_ms, bits) in Samples::new(&self.bytes, self.count) {
            if range.contains(timestamp_ms) {
                times.push(timestamp_ms);
                values.push(f64::from_bits(bits));
            }
        }
    }

    /// The first sample at or after `from_ms`.
    pub(crate) fn first_from(&self, from_ms: i64) -> Option<i64> {
        Samples::new(&self.bytes, self.count).find_from(from_ms)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.len() + 2 * size_of::<usize>()
    }
}

/// Reads the samples of a chunk in order.
struct Samples<'a> {
    bytes: &'a [u8],
    left: u16,
    /// Samples of the current run that are still to come.
    run: u8,
    is_first: bool,
    state: State,
}

impl<'a> Samples<'a> {
    fn new(bytes: &'a [u8], count: u16) -> Self {
        Self {
            bytes,
            left: count,
            run: 0,
            is_first: true,
            state: State::default(),
        }
    }

    fn find_from(mut self, from_ms: i64) -> Option<i64> {
        self.find(|(timestamp_ms, _)| *timestamp_ms >= from_ms)
            .map(|(timestamp_ms, _)| timestamp_ms)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }
}

impl Samples<'_> {
    fn take_difference(&mut self) -> Option<(i64, u64)> {
        if let Some(run) = self.run.checked_sub(1) {
            self.run = run;
            return Some((0, 0));
        }
        let [control] = self.take()?;
        if control == RUN {
            let [count] = self.take()?;
            self.run = count.saturating_sub(1);
            return Some((0, 0));
        }
        let change = match control & 3 {
            0 => 0,
            1 => i64::from(i8::from_le_bytes(self.take()?)),
            2 => i64::from(i16::from_le_bytes(self.take()?)),
            _ => i64::from_le_bytes(self.take()?),
        };
        let (first, count) = SHAPES[usize::from(control >> 2)];
        let (first, count) = (usize::from(first), usize::from(count));
        let mut difference = [0; 8];
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        difference[first..first + count].copy_from_slice(taken);
        self.bytes = rest;
        Some((change, u64::from_le_bytes(difference)))
    }
}

impl Iterator for Samples<'_> {
    type Item = (i64, u64);

    fn next(&mut self) -> Option<(i64, u64)> {
        self.left = self.left.checked_sub(1)?;
        let (change, difference) = self.take_difference()?;
        let step_ms = self.state.step_ms.wrapping_add(change);
        self.state.timestamp_ms = self.state.timestamp_ms.wrapping_add(step_ms);
        self.state.bits ^= difference;
        self.state.step_ms = if self.is_first { 0 } else { step_ms };
        self.is_first = false;
        Some((self.state.timestamp_ms, self.state.bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(samples: &[(i64, u64)]) -> usize {
        let mut open = OpenChunk::default();
        for &(timestamp_ms, bits) in samples {
            open.push(timestamp_ms, bits);
        }
        let chunk = open.seal();
        let found: Vec<_> = Samples::new(&chunk.bytes, chunk.count).collect();
        assert_eq!(found, samples);
        chunk.bytes.len()
    }

    #[test]
    fn samples_come_back_as_they_went_in() {
        let extremes: Vec<(i64, u64)> = [
            (i64::MIN, 0),
            (i64::MIN + 1, u64::MAX),
            (-1, 1),
            (0, 0x8000_0000_0000_0000),
            (1, 0x00ff_0000_0000_0000),
            (40_000, 0xff00),
            (i64::MAX, 0x7ff0_0000_0000_0002),
        ]
        .into();
        check(&extremes);
        check(&extremes[..1]);
        check(&[]);
        for first in 0..8 {
            for last in first..8 {
                check(&[(0, 0), (1, 1 << (8 * first) | 1 << (8 * last)), (2, 0)]);
            }
        }
    }

    #[test]
    fn a_constant_on_a_grid_takes_next_to_nothing() {
        let constant = |count| -> Vec<_> {
            let bits = 1.5_f64.to_bits();
            let times = (0..count).map(|i| 1_000_000 + i * 15_000);
            times.map(|at| (at, bits)).collect()
        };
        assert!(check(&constant(120)) < 24);
        // A run counts to 255 and no further; others end with a change.
        assert!(check(&constant(600)) < 24 + 4);
        let mut samples = constant(300);
        samples[100].1 = 0;
        samples[200].0 += 1;
        check(&samples);
        check(&[(0, 0), (0, 0), (0, 0)]);
    }
}
