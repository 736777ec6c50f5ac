//! What a block is made of, as `promtool tsdb analyze` shows it: labels and how many series have
//! them; and how many bytes a sample takes in each file.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::{Block, BlockError, BlockMeta};
use narthex_model::METRIC_NAME;
use narthex_storage::{SelectRequest, TimeRange};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::block_list::duration;

/// How many items a list has where nobody says.
pub const ANALYSIS_LIMIT: usize = 20;

/// What a block is made of. `Display` writes it as promtool does, and the bytes behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    meta: BlockMeta,
    /// Label pairs of all series.
    entries: u64,
    /// Distinct ones.
    pairs: usize,
    names: usize,
    lists: [Ranking; 6],
}

/// A list of what has the greatest numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ranking {
    heading: &'static str,
    items: Vec<(u64, String)>,
}

impl Ranking {
    /// The `limit` greatest; those of the same number by name.
    fn new(
        heading: &'static str,
        items: impl IntoIterator<Item = (u64, String)>,
        limit: usize,
    ) -> Self {
        let mut items: Vec<(u64, String)> = items.into_iter().collect();
        items.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        items.truncate(limit);
        Self { heading, items }
    }
}

/// What the series with one label pair add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    series: u64,
    /// Milliseconds of the block that they do not cover, each counted by itself.
    uncovered_ms: u128,
}

impl Analysis {
    /// Reads the whole block; of each list, the `limit` greatest are kept. Memory holds the
    /// distinct label pairs.
    ///
    /// # Errors
    /// The block is damaged.
    pub async fn of(block: &Arc<Block>, limit: usize) -> Result<Self, BlockError> {
        let meta = block.meta().clone();
        let length_ms = length_ms(&meta);
        let mut names: HashMap<String, HashMap<String, Pair>> = HashMap::new();
        let mut entries = 0;
        let all = SelectRequest {
            matchers: Vec::new(),
            range: TimeRange::ALL,
        };
        let mut samples = Arc::clone(block).select(&all).await?;
        while let Some(series) = samples.try_next().await? {
            let ends = series.timestamps.first().zip(series.timestamps.last());
            let covered_ms = ends.map_or(0, |(first, last)| last.abs_diff(*first));
            for (name, value) in &series.labels {
                entries += 1;
                if !names.contains_key(name) {
                    names.insert(name.to_owned(), HashMap::new());
                }
                let Some(values) = names.get_mut(name) else {
                    continue;
                };
                if !values.contains_key(value) {
                    values.insert(value.to_owned(), Pair::default());
                }
                if let Some(pair) = values.get_mut(value) {
                    pair.series += 1;
                    pair.uncovered_ms += u128::from(length_ms.saturating_sub(covered_ms));
                }
            }
        }
        // So many series as it would take to leave so much uncovered.
        let churned = |uncovered_ms: u128| {
            let length_ms = u128::from(length_ms.max(1));
            u64::try_from(uncovered_ms / length_ms).unwrap_or(u64::MAX)
        };
        let pairs = || {
            let of_name = |(name, values): (&String, &HashMap<String, Pair>)| {
                let text = |(value, pair): (&String, &Pair)| (format!("{name}={value}"), *pair);
                values.iter().map(text).collect::<Vec<_>>()
            };
            names.iter().flat_map(of_name)
        };
        let by_name = |number: fn(&HashMap<String, Pair>) -> u64| {
            let item = move |(name, values): (&String, &HashMap<String, Pair>)| {
                (number(values), name.clone())
            };
            names.iter().map(item)
        };
        let churned_names = names.iter().map(|(name, values)| {
            let uncovered = values.values().map(|pair| pair.uncovered_ms).sum();
            (churned(uncovered), name.clone())
        });
        let metrics = names.get(METRIC_NAME).into_iter().flatten();
        let lists = [
            Ranking::new(
                "Label pairs most involved in churning",
                pairs().map(|(text, pair)| (churned(pair.uncovered_ms), text)),
                limit,
            ),
            Ranking::new(
                "Label names most involved in churning",
                churned_names,
                limit,
            ),
            Ranking::new(
                "Most common label pairs",
                pairs().map(|(text, pair)| (pair.series, text)),
                limit,
            ),
            Ranking::new(
                "Label names with highest cumulative label value length",
                by_name(|values| values.keys().map(|value| value.len() as u64).sum()),
                limit,
            ),
            Ranking::new(
                "Highest cardinality labels",
                by_name(|values| values.len() as u64),
                limit,
            ),
            Ranking::new(
                "Highest cardinality metric names",
                metrics.map(|(metric, pair)| (pair.series, metric.clone())),
                limit,
            ),
        ];
        Ok(Self {
            entries,
            pairs: names.values().map(HashMap::len).sum(),
            names: names.len(),
            lists,
            meta,
        })
    }
}

/// From the first sample to behind the last one.
fn length_ms(meta: &BlockMeta) -> u64 {
    meta.max_time_ms
        .saturating_add(1)
        .abs_diff(meta.min_time_ms)
}

/// The same for programs: a list has its heading as its name, and pairs of a number and a text.
impl Serialize for Analysis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lists = self.lists.iter();
        let lists: BTreeMap<&str, &[(u64, String)]> = lists
            .map(|list| (list.heading, list.items.as_slice()))
            .collect();
        let files = self.meta.files.iter();
        let files: BTreeMap<&str, u64> = files
            .map(|(name, file)| (name.as_str(), file.size))
            .collect();
        let mut shown = serializer.serialize_struct("Analysis", 10)?;
        shown.serialize_field("block", &self.meta.ulid)?;
        shown.serialize_field("durationMs", &length_ms(&self.meta))?;
        shown.serialize_field("resolutionMs", &self.meta.resolution_ms)?;
        shown.serialize_field("series", &self.meta.stats.series)?;
        shown.serialize_field("samples", &self.meta.stats.samples)?;
        shown.serialize_field("labelNames", &self.names)?;
        shown.serialize_field("labelPairs", &self.pairs)?;
        shown.serialize_field("postings", &self.entries)?;
        shown.serialize_field("lists", &lists)?;
        shown.serialize_field("bytes", &files)?;
        shown.end()
    }
}

impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length_ms = i64::try_from(length_ms(&self.meta)).unwrap_or(i64::MAX);
        writeln!(f, "Block ID: {}", self.meta.ulid)?;
        writeln!(f, "Duration: {}", duration(length_ms))?;
        if !self.meta.is_raw() {
            writeln!(f, "Resolution: {}", duration(self.meta.resolution_ms))?;
        }
        writeln!(f, "Series: {}", self.meta.stats.series)?;
        writeln!(f, "Label names: {}", self.names)?;
        writeln!(f, "Postings (unique label pairs): {}", self.pairs)?;
        writeln!(f, "Postings entries (total label pairs): {}", self.entries)?;
        for list in &self.lists {
            writeln!(f, "\n{}:", list.heading)?;
            for (number, text) in &list.items {
                writeln!(f, "{number} {text}")?;
            }
        }
        let samples = self.meta.stats.samples;
        writeln!(f, "\nBytes per sample, of {samples} samples:")?;
        let per_sample = |bytes: u64| bytes as f64 / samples.max(1) as f64;
        for (file, meta) in &self.meta.files {
            writeln!(f, "{:.4} {file}", per_sample(meta.size))?;
        }
        writeln!(f, "{:.4} together", per_sample(self.meta.size()))
    }
}
