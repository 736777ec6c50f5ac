//! Samples under construction: every text once, every number in a flat list.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::bindings::narthex::plugin::types::{self, MetricKind};

/// What one collection brings. Write the families one after the other; a name that comes twice
/// is two families to the host, so gather a family's samples first.
#[derive(Debug)]
pub struct Batch {
    inner: types::Batch,
    index: HashMap<String, u32, BuildHasherDefault<Fnv>>,
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
            inner: types::Batch {
                symbols: vec![String::new()],
                families: Vec::new(),
                label_counts: Vec::new(),
                labels: Vec::new(),
                values: Vec::new(),
                timestamps: Vec::new(),
            },
            index: HashMap::from_iter([(String::new(), 0)]),
        }
    }

    /// Begins a family of any type.
    pub fn family(&mut self, kind: MetricKind, name: &str, help: &str) -> Family<'_> {
        let family = types::Family {
            name: self.symbol(name),
            help: self.symbol(help),
            unit: 0,
            kind,
            samples: 0,
        };
        self.inner.families.push(family);
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

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.inner.values.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.inner.values.is_empty()
    }

    /// The samples as text, one `name{label="value"} number` a line: what a test compares.
    pub fn to_text(&self) -> String {
        use std::fmt::Write;

        let symbol = |index: u32| self.inner.symbols[index as usize].as_str();
        let (mut text, mut sample, mut label) = (String::new(), 0, 0);
        for family in &self.inner.families {
            for _ in 0..family.samples {
                let mut name = symbol(family.name);
                let mut pairs = Vec::new();
                for _ in 0..self.inner.label_counts[sample] {
                    let key = symbol(self.inner.labels[label]);
                    let value = symbol(self.inner.labels[label + 1]);
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
                let written = writeln!(text, " {}", self.inner.values[sample]);
                debug_assert!(written.is_ok(), "writing to a String does not fail");
                sample += 1;
            }
        }
        text
    }

    /// The batch as it crosses the boundary.
    pub fn into_parts(self) -> types::Batch {
        self.inner
    }

    fn symbol(&mut self, text: &str) -> u32 {
        if let Some(index) = self.index.get(text) {
            return *index;
        }
        // More than u32::MAX texts do not fit into a 32-bit memory.
        let index = u32::try_from(self.inner.symbols.len()).unwrap_or(u32::MAX);
        self.inner.symbols.push(text.to_owned());
        self.index.insert(text.to_owned(), index);
        index
    }
}

/// FNV-1a. The texts are the plugin's own, and a hash with a random seed would cost an import.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The label that gives a sample a name of its own.
const NAME: &str = "__name__";

/// A family under construction.
#[derive(Debug)]
pub struct Family<'a> {
    batch: &'a mut Batch,
}

impl Family<'_> {
    /// Adds a sample that is named as the family is.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.push(None, labels, value)
    }

    /// Adds a sample with a suffix to the family's name: `_sum`, `_count`, `_bucket`.
    pub fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let name = self.batch.inner.families.last().map_or(0, |last| last.name);
        let name = format!("{}{suffix}", self.batch.inner.symbols[name as usize]);
        self.push(Some(&name), labels, value)
    }

    fn push(&mut self, name: Option<&str>, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let name = name.map(|name| (NAME, name));
        let mut count = 0;
        for (key, value) in name.iter().chain(labels) {
            let pair = [self.batch.symbol(key), self.batch.symbol(value)];
            self.batch.inner.labels.extend(pair);
            count += 1;
        }
        self.batch.inner.label_counts.push(count);
        self.batch.inner.values.push(value);
        if let Some(family) = self.batch.inner.families.last_mut() {
            family.samples += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_stored_once() {
        let mut batch = Batch::new();
        batch
            .gauge("disk_used", "Used.")
            .sample(&[("disk", "a")], 1.0)
            .sample(&[("disk", "b")], 2.5);
        batch.counter("disk_used_total", "Used.").sample(&[], 3.0);
        let text = "disk_used{disk=\"a\"} 1\ndisk_used{disk=\"b\"} 2.5\ndisk_used_total 3\n";
        assert_eq!(batch.to_text(), text);
        let inner = batch.into_parts();
        assert_eq!(
            inner.symbols,
            [
                "",
                "disk_used",
                "Used.",
                "disk",
                "a",
                "b",
                "disk_used_total"
            ]
        );
        assert_eq!(inner.label_counts, [1, 1, 0]);
        assert_eq!(inner.labels, [3, 4, 3, 5]);
        assert_eq!(inner.families[0].samples, 2);
        assert_eq!(inner.families[1].samples, 1);
    }

    #[test]
    fn the_parts_of_a_summary_have_names_of_their_own() {
        let mut batch = Batch::new();
        batch
            .family(MetricKind::Summary, "latency", "")
            .sample(&[("quantile", "0.5")], 1.0)
            .suffixed("_sum", &[("cmd", "get")], 7.0)
            .suffixed("_count", &[], 3.0);
        let text = "latency{quantile=\"0.5\"} 1\nlatency_sum{cmd=\"get\"} 7\nlatency_count 3\n";
        assert_eq!(batch.to_text(), text);
    }
}
