//! What a page of a Parquet file says of itself before its content: a structure of Thrift's
//! compact protocol.
//!
//! It is not: a reader of Thrift. Of what our writer never says it reads nothing, and leaves such
//! a page to the Parquet reader.

use narthex_nx::varint::Input;

use crate::Fault;

/// How deep structures lie in each other: a page has a header of its kind, which has statistics.
const DEPTH_MAX: usize = 3;

/// The kind of a page that has values and levels, all compressed together.
const DATA_PAGE: i64 = 0;

/// The kind of a page of the values that others name by their numbers.
const DICTIONARY_PAGE: i64 = 2;

/// How levels are stored: runs, as in [`crate::packed`].
const RLE: i64 = 3;

/// Types of fields, by their numbers in the protocol.
mod field {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const INT_16: u8 = 4;
    pub(super) const INT_32: u8 = 5;
    pub(super) const INT_64: u8 = 6;
    pub(super) const BINARY: u8 = 8;
    pub(super) const STRUCT: u8 = 12;
}

/// A page of values, or of a dictionary of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PageHeader {
    /// Whether it is a dictionary.
    pub(crate) is_dictionary: bool,
    /// Bytes of the content as it was before it was compressed.
    pub(crate) content_bytes: usize,
    /// Bytes of the content as it is.
    pub(crate) stored_bytes: usize,
    /// How many values it has, those that are null counted too.
    pub(crate) values: usize,
    /// How the values are encoded, by the number that Parquet gives it.
    pub(crate) encoding: i64,
}

impl PageHeader {
    /// Takes a header off the front; `None` where it is of another kind than those that our
    /// writer makes.
    pub(crate) fn read(input: &mut Input<'_>) -> Result<Option<Self>, Fault> {
        let mut header = Self::default();
        let (mut kind, mut levels, mut is_known) = (None, [None; 2], true);
        let mut next = Fields::default();
        while let Some((id, of)) = next.field(input)? {
            match (id, of) {
                (1, field::INT_32) => kind = Some(input.folded()?),
                (2, field::INT_32) => header.content_bytes = size(input)?,
                (3, field::INT_32) => header.stored_bytes = size(input)?,
                (5 | 7, field::STRUCT) => {
                    let mut next = Fields::default();
                    while let Some((id, of)) = next.field(input)? {
                        match (id, of) {
                            (1, field::INT_32) => header.values = size(input)?,
                            (2, field::INT_32) => header.encoding = input.folded()?,
                            (3, field::INT_32) => levels[0] = Some(input.folded()?),
                            (4, field::INT_32) => levels[1] = Some(input.folded()?),
                            _ => is_known &= skip(of, input, DEPTH_MAX - 1)?,
                        }
                        if !is_known {
                            return Ok(None);
                        }
                    }
                }
                _ => is_known &= skip(of, input, DEPTH_MAX)?,
            }
            if !is_known {
                return Ok(None);
            }
        }
        header.is_dictionary = kind == Some(DICTIONARY_PAGE);
        let is_ours = match kind {
            Some(DATA_PAGE) => levels == [Some(RLE); 2],
            kind => kind == Some(DICTIONARY_PAGE),
        };
        Ok(is_ours.then_some(header))
    }
}

fn size(input: &mut Input<'_>) -> Result<usize, Fault> {
    usize::try_from(input.folded()?).map_err(|_| input.broken().into())
}

/// Goes through the fields of a structure.
#[derive(Default)]
struct Fields {
    id: i64,
}

impl Fields {
    /// The number and the type of the next field; `None` behind the last one.
    fn field(&mut self, input: &mut Input<'_>) -> Result<Option<(i64, u8)>, Fault> {
        let head = input.byte()?;
        if head == 0 {
            return Ok(None);
        }
        self.id = match head >> 4 {
            0 => input.folded()?,
            more => self.id.wrapping_add(more.into()),
        };
        Ok(Some((self.id, head & 0x0f)))
    }
}

/// Skips a field; whether its type is known here.
fn skip(of: u8, input: &mut Input<'_>, depth: usize) -> Result<bool, Fault> {
    match of {
        field::TRUE | field::FALSE => Ok(true),
        field::INT_16 | field::INT_32 | field::INT_64 => Ok(input.number().map(|_| true)?),
        field::BINARY => {
            let bytes = input.size(usize::MAX)?;
            Ok(input.take(bytes).map(|_| true)?)
        }
        field::STRUCT if depth > 0 => {
            let mut next = Fields::default();
            while let Some((_, of)) = next.field(input)? {
                if !skip(of, input, depth - 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<PageHeader>, Fault> {
        PageHeader::read(&mut Input::new(bytes, "a page's header is cut short"))
    }

    /// 1,000 bytes stored as 300, 256 values of encoding 6.
    const PLAIN: [u8; 18] = [
        0x15, 0x00, 0x15, 0xd0, 0x0f, 0x15, 0xd8, 0x04, 0x2c, 0x15, 0x80, 0x04, 0x15, 0x0c, 0x15,
        0x06, 0x15, 0x06,
    ];

    #[test]
    fn a_header_says_how_much_there_is_and_what_is_not_known_is_passed_over() {
        let expected = PageHeader {
            is_dictionary: false,
            content_bytes: 1_000,
            stored_bytes: 300,
            values: 256,
            encoding: 6,
        };
        let plain = [&PLAIN[..], &[0, 0]].concat();
        assert_eq!(read(&plain).unwrap(), Some(expected));
        // Statistics of text, with a flag, and a checksum of the whole.
        let statistics = [0x1c, 0x18, 0x02, b'a', b'b', 0x11, 0x00];
        let rich = [&PLAIN[..], &statistics, &[0, 0]].concat();
        assert_eq!(read(&rich).unwrap(), Some(expected));
        let field_far_off = [&PLAIN[..], &[0, 0x05, 0x50, 0x02, 0]].concat();
        assert_eq!(read(&field_far_off).unwrap(), Some(expected));
    }

    #[test]
    fn a_dictionary_is_told_from_a_page_that_uses_it() {
        let bytes = [
            0x15, 0x04, 0x15, 0x50, 0x15, 0x50, 0x4c, 0x15, 0x0a, 0x15, 0x00, 0x00, 0x00,
        ];
        let expected = PageHeader {
            is_dictionary: true,
            content_bytes: 40,
            stored_bytes: 40,
            values: 5,
            encoding: 0,
        };
        assert_eq!(read(&bytes).unwrap(), Some(expected));
    }

    #[test]
    fn pages_of_other_kinds_are_left_to_others() {
        let (index, list) = ([0x15, 0x02, 0x00], [0x19, 0x00]);
        let deep = [0x1c; 9];
        for bytes in [&index[..], &list, &deep, &[0]] {
            assert_eq!(read(bytes).unwrap(), None, "{bytes:x?}");
        }
        let bit_packed_levels = [&PLAIN[..17], &[0x08, 0, 0]].concat();
        assert_eq!(read(&bit_packed_levels).unwrap(), None);
    }

    #[test]
    fn a_header_that_is_cut_short_is_refused_and_no_bytes_break_it() {
        let plain = [&PLAIN[..], &[0, 0]].concat();
        for end in 0..plain.len() {
            assert!(read(&plain[..end]).is_err(), "{end}");
        }
        assert!(read(&[0x15, 0x00, 0x15, 0x01]).is_err(), "a size below 0");
        assert!(read(&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_header_or_none(bytes in proptest::collection::vec(0_u8.., 0..60)) {
            drop(read(&bytes));
        }
    }
}
