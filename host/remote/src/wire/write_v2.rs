//! `io.prometheus.write.v2.Request`, the message of remote write 2.0: texts are written once, in a
//! table of symbols, and labels are pairs of places in it.

use super::fields::{Fields, WireError};
use super::{LABELS_MAX, SeriesParts, TOO_MANY_LABELS, WireMetadata, bounded, sample};

/// The symbols of a request: one with more is refused. A symbol takes as few as two bytes of a
/// body, and sixteen once it is read.
const SYMBOLS_MAX: usize = 2 << 20;

/// The table of symbols.
#[derive(Debug, Default)]
pub(crate) struct Symbols<'a>(Vec<&'a [u8]>);

/// Why a series has no labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SymbolError {
    /// A name has no value.
    #[error("an odd number of label references: {0}")]
    Odd(usize),
    /// There is no such symbol.
    #[error("label reference {reference} is outside of the table of {symbols} symbols")]
    Unknown {
        /// What is written.
        reference: u32,
        /// How many there are.
        symbols: usize,
    },
}

impl<'a> Symbols<'a> {
    /// Adds names and values in the order of the references.
    pub(crate) fn pairs(
        &self,
        references: &[u32],
        into: &mut Vec<(&'a [u8], &'a [u8])>,
    ) -> Result<(), SymbolError> {
        let (pairs, rest) = references.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(SymbolError::Odd(references.len()));
        }
        for [name, value] in pairs {
            into.push((self.get(*name)?, self.get(*value)?));
        }
        Ok(())
    }

    /// Reads what is said of a series' family. What refers to no symbol says nothing.
    pub(crate) fn metadata(&self, message: &[u8]) -> Result<WireMetadata<'a>, WireError> {
        let mut metadata = WireMetadata::default();
        let mut fields = Fields::new(message);
        let text = |number: u64| {
            let reference = u32::try_from(number).map_err(|_| WireError::Overflow)?;
            Ok(self.get(reference).unwrap_or_default())
        };
        while let Some(field) = fields.next()? {
            match field.number {
                1 => metadata.kind = field.number()?,
                3 => metadata.help = text(field.number()?)?,
                4 => metadata.unit = text(field.number()?)?,
                _ => {}
            }
        }
        Ok(metadata)
    }

    fn get(&self, reference: u32) -> Result<&'a [u8], SymbolError> {
        let found = usize::try_from(reference).ok();
        let found = found.and_then(|at| self.0.get(at));
        found.copied().ok_or(SymbolError::Unknown {
            reference,
            symbols: self.0.len(),
        })
    }
}

/// Hands over each series of a request: the references of its labels, and the rest in `parts`,
/// which is empty at first, and is kept.
pub(crate) fn decode<'a>(
    request: &'a [u8],
    parts: &mut SeriesParts<'a>,
    mut each: impl FnMut(&Symbols<'a>, &[u32], &SeriesParts<'a>),
) -> Result<(), WireError> {
    // The order of fields is nothing to rely on, so the table is read first.
    let symbols = symbols(request)?;
    let (mut fields, mut samples) = (Fields::new(request), 0);
    let mut references = Vec::new();
    while let Some(field) = fields.next()? {
        if field.number == 5 {
            series(field.bytes()?, &mut references, parts)?;
            samples += parts.len();
            bounded(samples)?;
            each(&symbols, &references, parts);
        }
    }
    Ok(())
}

fn symbols(request: &[u8]) -> Result<Symbols<'_>, WireError> {
    let mut symbols = Vec::new();
    let mut fields = Fields::new(request);
    while let Some(field) = fields.next()? {
        if field.number == 4 {
            if symbols.len() >= SYMBOLS_MAX {
                return Err(WireError::TooMany {
                    what: "symbols",
                    max: SYMBOLS_MAX,
                });
            }
            symbols.push(field.bytes()?);
        }
    }
    Ok(Symbols(symbols))
}

fn series<'a>(
    message: &'a [u8],
    references: &mut Vec<u32>,
    parts: &mut SeriesParts<'a>,
) -> Result<(), WireError> {
    parts.clear();
    references.clear();
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => field.numbers(|number| push_reference(references, number))?,
            2 => parts.samples.push(sample(field.bytes()?, true)?),
            3 => parts.histograms.push(field.bytes()?),
            4 => parts.exemplars.push(field.bytes()?),
            5 => parts.metadata = field.bytes()?,
            // What drafts of the format had before samples said it themselves.
            6 => parts.start_ms = field.signed()?,
            _ => {}
        }
        bounded(parts.len().max(parts.exemplars.len()))?;
    }
    Ok(())
}

fn push_reference(references: &mut Vec<u32>, number: u64) -> Result<(), WireError> {
    if references.len() >= 2 * LABELS_MAX {
        return Err(TOO_MANY_LABELS);
    }
    references.push(u32::try_from(number).map_err(|_| WireError::Overflow)?);
    Ok(())
}

/// An exemplar's value and time, and the references of its labels.
pub(crate) fn exemplar(message: &[u8], references: &mut Vec<u32>) -> Result<(f64, i64), WireError> {
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => field.numbers(|number| push_reference(references, number))?,
            2 => value = field.double()?,
            3 => timestamp_ms = field.signed()?,
            _ => {}
        }
    }
    Ok((value, timestamp_ms))
}
