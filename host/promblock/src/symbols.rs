//! The symbol table of an index: each name and value once.

use crate::cursor::Cursor;
use crate::{Fault, PromBlockError, window::Window};

/// How series refer to a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum References {
    /// By its place in the file (version 1 of the index).
    Offsets,
    /// By its number (version 2).
    Numbers,
}

/// All symbols of a block, in memory.
#[derive(Debug)]
pub(crate) struct Symbols {
    text: String,
    /// Where each symbol ends in the text.
    ends: Vec<usize>,
    /// Where each symbol is in the file; empty where they are referred to by number.
    offsets: Vec<u64>,
}

impl Symbols {
    /// The table of a block without a series.
    pub(crate) fn empty() -> Self {
        Self {
            text: String::new(),
            ends: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// Reads the section that starts at `offset`.
    pub(crate) fn read(
        file: &mut Window,
        offset: u64,
        references: References,
    ) -> Result<Self, PromBlockError> {
        let what = "the symbol table";
        let len = file.exactly(offset, 4, what)?;
        let len = u64::from(Cursor::new(len).u32().unwrap_or(0));
        let start = offset + 4;
        file.check(start, len, what)?;
        let path = file.path();
        let bytes = file.exactly(start, len, what)?;
        Self::parse(bytes, start, references).map_err(|fault| fault.at(&path, offset))
    }

    fn parse(bytes: &[u8], start: u64, references: References) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        let end = || Fault::End("the symbol table");
        let count = cursor.u32().ok_or_else(end)? as usize;
        // Each symbol takes a byte at least, so the count allocates no more than the table has.
        if count > cursor.len() {
            return Err(end());
        }
        let mut symbols = Self {
            text: String::with_capacity(cursor.len() - count),
            ends: Vec::with_capacity(count),
            offsets: Vec::new(),
        };
        for number in 0..count {
            let at = start + (bytes.len() - cursor.len()) as u64;
            let symbol = cursor.prefixed().ok_or_else(end)?;
            let symbol = std::str::from_utf8(symbol)
                .map_err(|_| Fault::format(format!("symbol {number} is not UTF-8")))?;
            symbols.text.push_str(symbol);
            symbols.ends.push(symbols.text.len());
            if references == References::Offsets {
                symbols.offsets.push(at);
            }
        }
        Ok(symbols)
    }

    /// The symbol that a series refers to.
    pub(crate) fn get(&self, reference: u64, references: References) -> Option<&str> {
        let number = match references {
            References::Offsets => self.offsets.binary_search(&reference).ok()?,
            References::Numbers => usize::try_from(reference).ok()?,
        };
        let end = *self.ends.get(number)?;
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..end)
    }
}
