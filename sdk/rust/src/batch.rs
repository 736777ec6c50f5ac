//! Samples under construction: every text once, every number in a flat list.

mod distribution;
mod merge;
mod symbols;

use crate::bindings::narthex::plugin::types::{self, MetricKind};

pub use distribution::Histogram;
pub(crate) use merge::Merged;
use symbols::Symbols;

/// The label that gives a sample a name of its own.
const NAME: &str = "__name__";

/// What one collection brings. Write the families one after the other; a name that comes twice
/// is two families to the host, so gather a family's samples first.
#[derive(Debug)]
pub struct Batch {
    symbols: Symbols,
    families: Vec<types::Family>,
    label_counts: Vec<u32>,
    labels: Vec<u32>,
    values: Vec<f64>,
    /// Empty as long as no sample has a time of its own.
    timestamps: Vec<Option<i64>>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// Nothing in it.
    pub fn new() -> Self {
        Self {
            symbols: Symbols::new(),
            families: Vec::new(),
            label_counts: Vec::new(),
            labels: Vec::new(),
            values: Vec::new(),
            timestamps: Vec::new(),
        }
    }

    /// Begins a family of any type.
    pub fn family(&mut self, kind: MetricKind, name: &str, help: &str) -> Family<'_> {
        let family = types::Family {
            name: self.symbols.number(name),
            help: self.symbols.number(help),
            unit: 0,
            kind,
            samples: 0,
        };
        self.families.push(family);
        Family { batch: self }
    }

    /// Begins a family of gauges.
    pub fn gauge(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(MetricKind::Gauge, name, help)
    }

    /// Begins a family of counters; the name is whole, `_total` included.
    pub fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(MetricKind::Counter, name, help)
    }

    /// Begins a family of histograms: go on with [`Family::buckets`] or [`Family::observed`].
    pub fn histogram(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(MetricKind::Histogram, name, help)
    }

    /// Begins a family of summaries: go on with [`Family::quantiles`].
    pub fn summary(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(MetricKind::Summary, name, help)
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The samples as text, one `name{label="value"} number` a line: what a test compares.
    pub fn to_text(&self) -> String {
        use std::fmt::Write;

        let (mut text, mut sample, mut label) = (String::new(), 0, 0);
        for family in &self.families {
            for _ in 0..family.samples {
                let mut name = self.symbols.text(family.name);
                let mut pairs = Vec::new();
                for _ in 0..self.label_counts[sample] {
                    let key = self.symbols.text(self.labels[label]);
                    let value = self.symbols.text(self.labels[label + 1]);
                    label += 2;
                    match key {
                        NAME => name = value,
                        _ => pairs.push(format!("{key}={value:?}")),
                    }
                }
                text.push_str(name);
                if !pairs.is_empty() {
                    text.push_str(&format!("{{{}}}", pairs.join(",")));
                }
                let mut written = write!(text, " {}", self.values[sample]);
                if let Some(Some(timestamp)) = self.timestamps.get(sample) {
                    written = written.and(write!(text, " {timestamp}"));
                }
                debug_assert!(written.is_ok(), "writing to a String does not fail");
                text.push('\n');
                sample += 1;
            }
        }
        text
    }

    /// The batch as it crosses the boundary. Where some samples have a time of their own, the
    /// latest of these is the time of all others: a batch has times for all or for none.
    pub fn into_parts(self) -> types::Batch {
        let latest = self.timestamps.iter().flatten().max().copied();
        let timestamps = match latest {
            Some(latest) => self
                .timestamps
                .iter()
                .map(|timestamp| timestamp.unwrap_or(latest))
                .collect(),
            None => Vec::new(),
        };
        types::Batch {
            symbols: self.symbols.into_texts(),
            families: self.families,
            label_counts: self.label_counts,
            labels: self.labels,
            values: self.values,
            timestamps,
        }
    }
}

/// A family under construction.
#[derive(Debug)]
pub struct Family<'a> {
    batch: &'a mut Batch,
}

impl Family<'_> {
    /// Adds a sample that is named as the family is.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.push(None, labels, None, value, None)
    }

    /// Adds a sample with a time of its own, in milliseconds since the Unix epoch: for values
    /// that the other side measured then. See [`Batch::into_parts`] for samples without.
    pub fn sample_at(
        &mut self,
        labels: &[(&str, &str)],
        value: f64,
        timestamp_ms: i64,
    ) -> &mut Self {
        self.push(None, labels, None, value, Some(timestamp_ms))
    }

    /// Adds a sample with a suffix to the family's name: `_sum`, `_count`, `_bucket`.
    pub fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.push(Some(suffix), labels, None, value, None)
    }

    /// Sets the family's unit, for formats that write one.
    pub fn unit(&mut self, unit: &str) -> &mut Self {
        let unit = self.batch.symbols.number(unit);
        if let Some(family) = self.batch.families.last_mut() {
            family.unit = unit;
        }
        self
    }

    fn push(
        &mut self,
        suffix: Option<&str>,
        labels: &[(&str, &str)],
        last_label: Option<(&str, &str)>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) -> &mut Self {
        let batch = &mut *self.batch;
        let name = suffix.map(|suffix| {
            let family = batch.families.last().map_or(0, |family| family.name);
            format!("{}{suffix}", batch.symbols.text(family))
        });
        let labels = labels.iter().chain(&last_label).copied();
        batch.add(name.as_deref(), labels, value, timestamp_ms);
        self
    }
}

impl Batch {
    /// Adds a sample to the last family, with a name of its own or named as the family.
    pub(crate) fn add<'t>(
        &mut self,
        name: Option<&'t str>,
        labels: impl Iterator<Item = (&'t str, &'t str)>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) {
        let mut count = 0;
        for (key, value) in name.map(|name| (NAME, name)).into_iter().chain(labels) {
            let pair = [self.symbols.number(key), self.symbols.number(value)];
            self.labels.extend(pair);
            count += 1;
        }
        self.finish_sample(count, value, timestamp_ms);
    }

    /// Ends a sample whose labels are written.
    fn finish_sample(&mut self, labels: u32, value: f64, timestamp_ms: Option<i64>) {
        if timestamp_ms.is_some() || !self.timestamps.is_empty() {
            self.timestamps.resize(self.values.len(), None);
            self.timestamps.push(timestamp_ms);
        }
        self.label_counts.push(labels);
        self.values.push(value);
        if let Some(family) = self.families.last_mut() {
            family.samples += 1;
        }
    }
}

#[cfg(test)]
mod tests;
