//! `prometheus.WriteRequest`, the message of remote write 1.0.

use super::fields::{Fields, WireError};
use super::{LABELS_MAX, SeriesParts, TOO_MANY_LABELS, WireMetadata, bounded, sample};

/// The labels of a series as they lie in the message: fields 1, one after the other where the
/// sender wrote them so, as all do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LabelFields<'a> {
    /// From the first label to the end of the last one. Other fields may lie between.
    region: &'a [u8],
}

/// Hands over each series of a request. `parts` is empty at first, and is kept.
pub(crate) fn decode<'a>(
    request: &'a [u8],
    parts: &mut SeriesParts<'a>,
    mut each: impl FnMut(LabelFields<'a>, &SeriesParts<'a>),
) -> Result<(), WireError> {
    let (mut fields, mut samples) = (Fields::new(request), 0);
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            let labels = series(field.bytes()?, parts)?;
            samples += parts.len();
            bounded(samples)?;
            each(labels, parts);
        }
    }
    Ok(())
}

/// Hands over what a request says of families, which are not those of its series.
pub(crate) fn each_metadata<'a>(
    request: &'a [u8],
    mut each: impl FnMut(WireMetadata<'a>),
) -> Result<(), WireError> {
    let (mut fields, mut count) = (Fields::new(request), 0);
    while let Some(field) = fields.next()? {
        if field.number == 3 {
            count += 1;
            bounded(count)?;
            each(metadata(field.bytes()?)?);
        }
    }
    Ok(())
}

fn metadata(message: &[u8]) -> Result<WireMetadata<'_>, WireError> {
    let mut metadata = WireMetadata::default();
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => metadata.kind = field.number()?,
            2 => metadata.family = field.bytes()?,
            4 => metadata.help = field.bytes()?,
            5 => metadata.unit = field.bytes()?,
            _ => {}
        }
    }
    Ok(metadata)
}

fn series<'a>(
    message: &'a [u8],
    parts: &mut SeriesParts<'a>,
) -> Result<LabelFields<'a>, WireError> {
    parts.clear();
    let mut fields = Fields::new(message);
    let mut region: Option<(usize, usize)> = None;
    loop {
        let start = message.len() - fields.left();
        let Some(field) = fields.next()? else { break };
        match field.number {
            1 => {
                field.bytes()?;
                let end = message.len() - fields.left();
                region = Some((region.map_or(start, |(start, _)| start), end));
            }
            2 => parts.samples.push(sample(field.bytes()?, false)?),
            3 => parts.exemplars.push(field.bytes()?),
            4 => parts.histograms.push(field.bytes()?),
            _ => {}
        }
        bounded(parts.len().max(parts.exemplars.len()))?;
    }
    let region = region.map_or(&[][..], |(start, end)| &message[start..end]);
    Ok(LabelFields { region })
}

impl<'a> LabelFields<'a> {
    /// The bytes that tell the labels from others.
    pub(crate) fn key(self) -> &'a [u8] {
        self.region
    }

    /// Adds names and values, in the order of the message.
    pub(crate) fn pairs(self, into: &mut Vec<(&'a [u8], &'a [u8])>) -> Result<(), WireError> {
        let mut fields = Fields::new(self.region);
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                push_pair(into, pair(field.bytes()?)?)?;
            }
        }
        Ok(())
    }
}

fn push_pair<T>(pairs: &mut Vec<T>, pair: T) -> Result<(), WireError> {
    if pairs.len() >= LABELS_MAX {
        return Err(TOO_MANY_LABELS);
    }
    pairs.push(pair);
    Ok(())
}

fn pair(message: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let (mut name, mut value) = (&[][..], &[][..]);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// An exemplar's value and time, and its labels into `pairs`.
pub(crate) fn exemplar<'a>(
    message: &'a [u8],
    pairs: &mut Vec<(&'a [u8], &'a [u8])>,
) -> Result<(f64, i64), WireError> {
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => push_pair(pairs, pair(field.bytes()?)?)?,
            2 => value = field.double()?,
            3 => timestamp_ms = field.signed()?,
            _ => {}
        }
    }
    Ok((value, timestamp_ms))
}
