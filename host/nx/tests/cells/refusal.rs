//! What is no cell: refused, or read as other values of the same number, and never more.

use narthex_nx::{CellError, decode};

use crate::shapes::{Chance, SHAPES};
use crate::{bits, decoded, encoded};

/// Cells of all kinds, with the number of their values.
fn cells() -> Vec<(Vec<u8>, usize)> {
    let lengths = [1, 2, 5, 130, 480];
    let all = SHAPES.iter().flat_map(|(_, shape)| {
        lengths.map(|len| (encoded(&shape(&mut Chance::new(len as u64), len)), len))
    });
    all.collect()
}

/// Decodes into room for `count` values and looks that nothing beside it was touched.
fn try_decode(cell: &[u8], count: usize) -> Result<(), CellError> {
    let mut values = Vec::with_capacity(count + 1);
    values.push(-7.0);
    let room = values.capacity();
    let decoded = decode(cell, count, &mut values);
    assert_eq!(values[0], -7.0);
    assert_eq!(
        values.capacity(),
        room,
        "the room that was asked for is enough"
    );
    assert_eq!(values.len(), 1 + if decoded.is_ok() { count } else { 0 });
    decoded
}

#[test]
fn every_truncation_is_refused() {
    for (cell, count) in cells() {
        for end in 0..cell.len() {
            // What ends with one run of exceptions less is a cell too.
            let is_cell = try_decode(&cell[..end], count).is_ok();
            assert!(
                !is_cell || cell[0] & 0x40 != 0,
                "{end} of {} bytes",
                cell.len()
            );
        }
    }
}

#[test]
fn every_byte_too_many_is_refused() {
    for (mut cell, count) in cells() {
        cell.push(0);
        assert!(try_decode(&cell, count).is_err());
    }
    assert_eq!(decoded(&[0], 0), Err(CellError::Long { bytes: 1 }));
}

#[test]
fn mutations_give_an_error_or_values() {
    let cells = cells();
    let mut chance = Chance::new(20);
    let mut read = 0;
    for _ in 0..10_000 {
        let (mut cell, mut count) = cells[chance.index(cells.len())].clone();
        for _ in 0..1 + chance.below(4) {
            // Mostly the head, where a byte has the most to say.
            let reach = match chance.below(3) {
                0 => cell.len(),
                _ => cell.len().min(12),
            };
            let at = chance.index(reach);
            cell[at] = chance.bits().to_le_bytes()[0];
        }
        if chance.below(4) == 0 {
            count = chance.index(1_000);
        }
        if chance.below(4) == 0 {
            cell.truncate(chance.index(cell.len()));
        }
        read += usize::from(try_decode(&cell, count).is_ok());
    }
    assert!((500..9_500).contains(&read), "{read} of 10000 were cells");
}

#[test]
fn a_short_cell_of_many_values_takes_their_memory_and_no_more() {
    // No plane at all: the values are the base.
    let values = decoded(&[0x00, 0x00, 0x02], 1_000_000).unwrap();
    assert_eq!(bits(&values), vec![1_f64.to_bits(); 1_000_000]);
    let run = [
        &[0x40, 0x00, 0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00][..],
        &[0; 8],
    ]
    .concat();
    let beyond = CellError::Exception { count: 10 };
    assert_eq!(decoded(&run, 10), Err(beyond));
    let endless = [&[0x40, 0x00, 0x02, 0x00][..], &[0xff; 9], &[0x01], &[0; 8]].concat();
    assert_eq!(decoded(&endless, 10), Err(beyond));
}
