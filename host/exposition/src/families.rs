//! The batch that a plugin hands over: every string once, numbers in flat lists.
//!
//! It is checked whole when it arrives, so that reading it cannot fail, and nothing of it is
//! copied before it is read.

use std::borrow::Cow;

use narthex_model::{Labels, METRIC_NAME};

use crate::entry::MetricType;
use crate::labels::{LabelsError, number_as_open_metrics, number_label};

/// One family as it crosses the boundary; the first three fields are indexes of symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The name.
    pub name: u32,
    /// The help text.
    pub help: u32,
    /// The unit.
    pub unit: u32,
    /// The type.
    pub kind: MetricType,
    /// How many samples follow.
    pub samples: u32,
}

/// Why a batch is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FamiliesError {
    /// The first symbol is the empty string, always.
    #[error("symbol 0 is not the empty string")]
    FirstSymbol,
    /// More than the bound of what is named.
    #[error("batch has {count} {what}, more than {max}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Lists that belong together differ in length.
    #[error("batch has {count} {what}, expected {expected}")]
    Count {
        /// The list.
        what: &'static str,
        /// How long it is.
        count: usize,
        /// How long the others say it is.
        expected: usize,
    },
    /// An index points at no symbol.
    #[error("{what} refers to symbol {index} of {symbols}")]
    Symbol {
        /// Where the index stands.
        what: &'static str,
        /// The index.
        index: u32,
        /// How many symbols there are.
        symbols: usize,
    },
    /// A family without a name.
    #[error("family {0} has no name")]
    FamilyName(usize),
    /// A label without a name.
    #[error("a label of family {0:?} has no name")]
    LabelName(String),
}

/// A checked batch.
#[derive(Debug, Clone, Default)]
pub struct Families {
    symbols: Vec<String>,
    families: Vec<Family>,
    label_counts: Vec<u32>,
    labels: Vec<u32>,
    values: Vec<f64>,
    timestamps: Vec<i64>,
}

/// What is said of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyMeta<'a> {
    /// The name.
    pub name: &'a str,
    /// The help text; may be empty.
    pub help: &'a str,
    /// The unit; may be empty.
    pub unit: &'a str,
    /// The type.
    pub kind: MetricType,
}

impl Families {
    /// A batch has at most this many strings.
    pub const SYMBOLS_MAX: usize = 1 << 20;

    /// A batch has at most this many bytes of strings: what a scrape's body may have.
    pub const SYMBOL_BYTES_MAX: usize = 64 << 20;

    /// A batch has at most this many families.
    pub const FAMILIES_MAX: usize = 1 << 18;

    /// A batch has at most this many samples.
    pub const SAMPLES_MAX: usize = 1 << 22;

    /// A batch has at most this many labels, all samples together.
    pub const LABELS_MAX: usize = 1 << 25;

    /// Checks a batch. `label_counts` has the number of labels of each sample, `labels` two
    /// indexes of symbols for each label, name and value; `timestamps` is empty or has one time
    /// in milliseconds for each sample. A sample's name is its label `__name__` where it has one,
    /// else its family's.
    ///
    /// # Errors
    /// The batch is larger than the bounds above, or contradicts itself.
    pub fn new(
        symbols: Vec<String>,
        families: Vec<Family>,
        label_counts: Vec<u32>,
        labels: Vec<u32>,
        values: Vec<f64>,
        timestamps: Vec<i64>,
    ) -> Result<Self, FamiliesError> {
        let batch = Self {
            symbols,
            families,
            label_counts,
            labels,
            values,
            timestamps,
        };
        batch.check_bounds()?;
        batch.check_counts()?;
        batch.check_symbols()?;
        Ok(batch)
    }

    fn check_bounds(&self) -> Result<(), FamiliesError> {
        let bytes = self.symbols.iter().map(String::len).sum();
        for (what, count, max) in [
            ("symbols", self.symbols.len(), Self::SYMBOLS_MAX),
            ("bytes of symbols", bytes, Self::SYMBOL_BYTES_MAX),
            ("families", self.families.len(), Self::FAMILIES_MAX),
            ("samples", self.values.len(), Self::SAMPLES_MAX),
            ("labels", self.labels.len() / 2, Self::LABELS_MAX),
        ] {
            if count > max {
                return Err(FamiliesError::TooMany { what, count, max });
            }
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), FamiliesError> {
        let total = |counts: &mut dyn Iterator<Item = u32>| {
            counts.fold(0_usize, |sum, count| sum.saturating_add(count as usize))
        };
        let samples = total(&mut self.families.iter().map(|family| family.samples));
        let label_indexes = total(&mut self.label_counts.iter().copied()).saturating_mul(2);
        let timestamps = if self.timestamps.is_empty() {
            0
        } else {
            samples
        };
        for (what, count, expected) in [
            ("values", self.values.len(), samples),
            ("label counts", self.label_counts.len(), samples),
            ("label symbols", self.labels.len(), label_indexes),
            ("timestamps", self.timestamps.len(), timestamps),
        ] {
            if count != expected {
                return Err(FamiliesError::Count {
                    what,
                    count,
                    expected,
                });
            }
        }
        Ok(())
    }

    fn check_symbols(&self) -> Result<(), FamiliesError> {
        if self.symbols.first().is_some_and(|first| !first.is_empty())
            || (self.symbols.is_empty() && !self.families.is_empty())
        {
            return Err(FamiliesError::FirstSymbol);
        }
        let check = |what, index: u32| {
            let symbols = self.symbols.len();
            if (index as usize) < symbols {
                Ok(())
            } else {
                let error = FamiliesError::Symbol {
                    what,
                    index,
                    symbols,
                };
                Err(error)
            }
        };
        for (at, family) in self.families.iter().enumerate() {
            check("a family's name", family.name)?;
            check("a family's help", family.help)?;
            check("a family's unit", family.unit)?;
            if self.symbol(family.name).is_empty() {
                return Err(FamiliesError::FamilyName(at));
            }
        }
        for &index in &self.labels {
            check("a label", index)?;
        }
        for (meta, samples) in self.iter() {
            for sample in samples {
                if sample.label_pairs().any(|(name, _)| name.is_empty()) {
                    return Err(FamiliesError::LabelName(meta.name.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// A symbol that is known to be there.
    fn symbol(&self, index: u32) -> &str {
        self.symbols.get(index as usize).map_or("", String::as_str)
    }

    /// How many samples the batch has.
    pub fn sample_count(&self) -> usize {
        self.values.len()
    }

    /// How many bytes the strings and numbers take: the plugin's counterpart of a body's size.
    pub fn byte_count(&self) -> usize {
        self.symbols.iter().map(String::len).sum::<usize>()
            + size_of_val(self.families.as_slice())
            + size_of_val(self.label_counts.as_slice())
            + size_of_val(self.labels.as_slice())
            + size_of_val(self.values.as_slice())
            + size_of_val(self.timestamps.as_slice())
    }

    /// The families in the plugin's order, each with its samples.
    pub fn iter(&self) -> impl Iterator<Item = (FamilyMeta<'_>, FamilySamples<'_>)> {
        let (mut sample, mut label) = (0, 0);
        self.families.iter().map(move |family| {
            let samples = FamilySamples {
                batch: self,
                family: family.name,
                kind: family.kind,
                sample,
                end: sample + family.samples as usize,
                label,
            };
            let counts = self.label_counts.get(sample..samples.end);
            let counts = counts.unwrap_or_default().iter();
            label += counts.map(|&count| 2 * count as usize).sum::<usize>();
            sample = samples.end;
            let meta = FamilyMeta {
                name: self.symbol(family.name),
                help: self.symbol(family.help),
                unit: self.symbol(family.unit),
                kind: family.kind,
            };
            (meta, samples)
        })
    }
}

/// The samples of one family.
#[derive(Debug, Clone)]
pub struct FamilySamples<'a> {
    batch: &'a Families,
    family: u32,
    kind: MetricType,
    sample: usize,
    end: usize,
    label: usize,
}

impl<'a> Iterator for FamilySamples<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Sample<'a>> {
        if self.sample == self.end {
            return None;
        }
        let batch = self.batch;
        let count = *batch.label_counts.get(self.sample)? as usize;
        let labels = batch.labels.get(self.label..self.label + 2 * count)?;
        let sample = Sample {
            batch,
            family: self.family,
            kind: self.kind,
            labels,
            value: *batch.values.get(self.sample)?,
            timestamp_ms: batch.timestamps.get(self.sample).copied(),
        };
        self.sample += 1;
        self.label += 2 * count;
        Some(sample)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.sample;
        (left, Some(left))
    }
}

/// One sample of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    batch: &'a Families,
    family: u32,
    kind: MetricType,
    labels: &'a [u32],
    /// The value, its bits as the plugin gave them.
    pub value: f64,
    /// Milliseconds since the epoch, where the batch gives times.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Sample<'a> {
    /// The metric name.
    pub fn name(&self) -> &'a str {
        let own = self.written_pairs().find(|(name, _)| *name == METRIC_NAME);
        own.map_or(self.batch.symbol(self.family), |(_, name)| name)
    }

    /// The labels in the plugin's order, without the metric name.
    pub fn label_pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.written_pairs()
            .filter(|(name, _)| *name != METRIC_NAME)
    }

    /// The labels as they are stored: `le` in histograms and `quantile` in summaries as
    /// OpenMetrics writes numbers, like those of a page.
    pub fn stored_pairs(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let number = number_label(self.kind);
        self.label_pairs().map(move |(name, value)| {
            let value = Cow::Borrowed(value);
            match number {
                Some(number) if name == number => (name, number_as_open_metrics(value)),
                _ => (name, value),
            }
        })
    }

    fn written_pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let batch = self.batch;
        let (pairs, _) = self.labels.as_chunks::<2>();
        pairs
            .iter()
            .map(move |&[name, value]| (batch.symbol(name), batch.symbol(value)))
    }

    /// The label set as it is stored, metric name included; labels without a value are left out.
    ///
    /// # Errors
    /// Two labels have the same name.
    pub fn labels(&self) -> Result<Labels, LabelsError> {
        let mut pairs: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(1 + self.labels.len() / 2);
        pairs.push((METRIC_NAME, Cow::Borrowed(self.name())));
        pairs.extend(self.stored_pairs());
        pairs.sort_unstable_by_key(|(name, _)| *name);
        let sorted = pairs.iter().map(|(name, value)| (*name, value.as_ref()));
        Labels::from_sorted(sorted).map_err(|name| LabelsError::NotUnique(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
