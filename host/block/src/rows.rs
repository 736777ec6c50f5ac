//! Sets of series rows as `index.parquet` stores them: runs, as numbers of seven bits a byte.
//!
//! Each run of neighbouring rows is one number `gap << 1 | long`, where `gap` counts the rows
//! left out since the end of the run before; where `long` is set, a second number follows, the
//! length of the run less two, else the run is one row.

use narthex_nx::varint;
use roaring::RoaringBitmap;

use crate::Fault;

/// Writes a set, row by row, ascending.
#[derive(Debug, Default)]
pub(crate) struct RowsEncoder {
    bytes: Vec<u8>,
    /// Rows so far.
    count: u32,
    /// Where the run before the open one ended.
    previous_end: u64,
    /// The open run; empty before the first row.
    run: std::ops::Range<u64>,
}

impl RowsEncoder {
    /// Adds a row that is greater than all before it.
    pub(crate) fn push(&mut self, row: u32) {
        let row = u64::from(row);
        if self.count == 0 {
            self.run = row..row;
        } else if self.run.end != row {
            self.end_run();
            self.run = row..row;
        }
        self.run.end += 1;
        self.count += 1;
    }

    /// How many rows the set has.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The encoded set.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.end_run();
        }
        self.bytes
    }

    fn end_run(&mut self) {
        let gap = self.run.start - self.previous_end;
        let length = self.run.end - self.run.start;
        varint::push(&mut self.bytes, gap << 1 | u64::from(length > 1));
        if length > 1 {
            varint::push(&mut self.bytes, length - 2);
        }
        self.previous_end = self.run.end;
    }
}

/// Adds an encoded set to `rows`. No row may reach `rows_max`.
pub(crate) fn decode_into(
    bytes: &[u8],
    rows_max: u32,
    rows: &mut RoaringBitmap,
) -> Result<(), Fault> {
    let mut input = varint::Input::new(bytes, "a set of rows is not one");
    let mut end = 0_u64;
    while !input.is_empty() {
        let head = input.number()?;
        let start = end.checked_add(head >> 1).ok_or_else(|| input.broken())?;
        let more = match head & 1 {
            1 => input.number()?,
            _ => 0,
        };
        let length = more.saturating_add(1 + (head & 1));
        end = start.checked_add(length).ok_or_else(|| input.broken())?;
        let run = match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) if end <= rows_max => start..end,
            _ => return Err(input.broken().into()),
        };
        rows.insert_range(run);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(rows: &[u32]) -> Vec<u8> {
        let mut encoder = RowsEncoder::default();
        rows.iter().for_each(|row| encoder.push(*row));
        assert_eq!(encoder.count() as usize, rows.len());
        encoder.finish()
    }

    #[test]
    fn sets_are_written_as_the_format_says() {
        for (rows, bytes) in [
            (vec![], vec![]),
            (vec![0], vec![0b0]),
            (vec![3], vec![0b110]),
            (vec![0, 1], vec![0b1, 0]),
            (vec![5, 6, 7, 9], vec![0b1011, 1, 0b10]),
            (vec![200], vec![0x90, 0x03]),
        ] {
            assert_eq!(encode(&rows), bytes, "{rows:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_set_reads_back(rows in proptest::collection::btree_set(0_u32..3_000, 0..500)) {
            let rows: Vec<u32> = rows.into_iter().collect();
            let mut read = RoaringBitmap::new();
            decode_into(&encode(&rows), 3_000, &mut read).unwrap();
            proptest::prop_assert_eq!(read.iter().collect::<Vec<_>>(), rows);
        }

        #[test]
        fn no_bytes_break_the_decoder(bytes in proptest::collection::vec(0_u8.., 0..40)) {
            let mut read = RoaringBitmap::new();
            if decode_into(&bytes, 1_000, &mut read).is_ok() {
                proptest::prop_assert!(read.max().is_none_or(|row| row < 1_000));
            }
        }
    }
}
