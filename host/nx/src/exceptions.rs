//! Exceptions: values that the rest of a cell cannot say, kept as their bits. Staleness markers,
//! NaNs and infinities among decimals are such; they mostly come in runs.

use crate::CellError;
use crate::cell::{read_number, write_number};

/// Neighbours with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: usize,
    len: usize,
    bits: u64,
}

/// The exceptions of a cell in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exceptions(Vec<Run>);

impl Exceptions {
    /// Adds the value at `index`, which is behind those already added.
    pub(crate) fn push(&mut self, index: usize, value: f64) {
        let bits = value.to_bits();
        match self.0.last_mut() {
            Some(run) if run.bits == bits && run.start + run.len == index => run.len += 1,
            _ => self.0.push(Run {
                start: index,
                len: 1,
                bits,
            }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many runs there are.
    pub(crate) fn runs(&self) -> usize {
        self.0.len()
    }

    /// Appends the exceptions to a cell: for each run how many values lie between it and the
    /// run before, how many further values it has, and the bits.
    pub(crate) fn write(&self, cell: &mut Vec<u8>) {
        let mut end = 0;
        for run in &self.0 {
            write_number((run.start - end) as u64, cell);
            write_number((run.len - 1) as u64, cell);
            cell.extend(run.bits.to_le_bytes());
            end = run.start + run.len;
        }
    }
}

/// Writes exceptions over the values of a cell of `count`, those from the one at `first` on: at
/// least one run, and all of `bytes`.
pub(crate) fn apply(
    mut bytes: &[u8],
    count: usize,
    first: usize,
    values: &mut [f64],
) -> Result<(), CellError> {
    const PART: &str = "exceptions";
    let mut end = 0_usize;
    loop {
        let mut number = || {
            let number = read_number(&mut bytes, PART)?;
            usize::try_from(number).map_err(|_| CellError::Exception { count })
        };
        let (gap, further) = (number()?, number()?);
        let beyond = CellError::Exception { count };
        let start = end.checked_add(gap).ok_or(beyond)?;
        let last = start.checked_add(further).ok_or(beyond)?;
        if last >= count {
            return Err(beyond);
        }
        end = last + 1;
        let within = |place: usize| place.saturating_sub(first).min(values.len());
        let run = within(start)..within(end);
        let (bits, after) = bytes
            .split_first_chunk()
            .ok_or(CellError::Short { part: PART })?;
        values[run].fill(f64::from_bits(u64::from_le_bytes(*bits)));
        bytes = after;
        if bytes.is_empty() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: u64 = 0x7ff0_0000_0000_0002;

    #[test]
    fn neighbours_of_the_same_bits_are_one_run() {
        let stale = f64::from_bits(STALE);
        let mut exceptions = Exceptions::default();
        for index in [2, 3, 4] {
            exceptions.push(index, stale);
        }
        exceptions.push(5, -0.0);
        exceptions.push(9, -0.0);
        assert_eq!(exceptions.runs(), 3);
        let mut bytes = Vec::new();
        exceptions.write(&mut bytes);
        let stale_bytes = [2, 0, 0, 0, 0, 0, 0xf0, 0x7f];
        let zero_bytes = [0, 0, 0, 0, 0, 0, 0, 0x80];
        let expected = [
            &[2, 2][..],
            &stale_bytes,
            &[0, 0],
            &zero_bytes,
            &[3, 0],
            &zero_bytes,
        ];
        assert_eq!(bytes, expected.concat());

        let mut values = [1.0; 10];
        apply(&bytes, 10, 0, &mut values).unwrap();
        let zero = (-0.0_f64).to_bits();
        let one = 1_f64.to_bits();
        let expected = [one, one, STALE, STALE, STALE, zero, one, one, one, zero];
        assert_eq!(values.map(f64::to_bits), expected);
        let mut some = [1.0; 3];
        apply(&bytes, 10, 4, &mut some).unwrap();
        assert_eq!(some.map(f64::to_bits), expected[4..7]);

        let behind = CellError::Exception { count: 9 };
        assert_eq!(apply(&bytes, 9, 0, &mut values[..9]), Err(behind));
        for end in (0..bytes.len()).filter(|end| ![10, 20].contains(end)) {
            assert!(apply(&bytes[..end], 10, 0, &mut values).is_err(), "{end}");
        }
    }
}
