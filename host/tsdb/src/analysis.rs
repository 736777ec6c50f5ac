//! What a block is made of, as `promtool tsdb analyze` shows it: labels and how many series have
//! them; and how many bytes a sample takes in each file.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use futures::TryStreamExt;
use narthex_block::{Block, BlockError, BlockMeta, SLICE_MS};
use narthex_model::{METRIC_NAME, Matcher};
use narthex_storage::{SelectRequest, Series, TimeRange};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::block_list::duration;
use crate::distribution::Distribution;

/// How many items a list has where nobody says.
pub const ANALYSIS_LIMIT: usize = 20;

/// What of a block is analyzed, and how much is told.
#[derive(Debug, Clone)]
pub struct AnalysisOptions {
    /// How many items each list has.
    pub limit: usize,
    /// A selector as it was written, and what it says: only series that match are looked at.
    pub selector: Option<(String, Vec<Matcher>)>,
    /// Whether it is told how full the chunks are.
    pub is_extended: bool,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        Self {
            limit: ANALYSIS_LIMIT,
            selector: None,
            is_extended: false,
        }
    }
}

/// What a block is made of. `Display` writes it as promtool does, and the bytes behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    meta: BlockMeta,
    /// The selector, and how many series match it.
    matched: Option<(String, u64)>,
    /// Label pairs of all series.
    entries: u64,
    /// Distinct ones.
    pairs: usize,
    names: usize,
    lists: [Ranking; 6],
    chunks: Option<ChunkSizes>,
}

/// How full the chunks are: the samples of a series in one slice of time are one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ChunkSizes {
    floats: Distribution,
    histograms: Distribution,
    buckets: Distribution,
}

impl ChunkSizes {
    fn add(&mut self, series: &Series, slice_ms: i64) {
        let slice_of = |timestamp_ms: i64| timestamp_ms.div_euclid(slice_ms.max(1));
        let mut chunk = Chunk::default();
        let mut slice = None;
        for (at, timestamp_ms) in series.timestamps.iter().enumerate() {
            let here = slice_of(*timestamp_ms);
            if slice.replace(here).is_some_and(|before| before != here) {
                self.close(&mut chunk);
            }
            let histogram = series.histograms.as_ref().and_then(|all| all[at].as_ref());
            match histogram {
                Some(histogram) => {
                    chunk.histograms += 1;
                    chunk.buckets += (histogram.positive.len() + histogram.negative.len()) as u64;
                }
                None => chunk.floats += 1,
            }
        }
        self.close(&mut chunk);
    }

    fn close(&mut self, chunk: &mut Chunk) {
        let chunk = std::mem::take(chunk);
        if chunk.floats > 0 {
            self.floats.add(chunk.floats);
        }
        if chunk.histograms > 0 {
            self.histograms.add(chunk.histograms);
            self.buckets.add(chunk.buckets);
        }
    }

    /// Each with promtool's name.
    fn named(&self) -> [(&'static str, &Distribution); 3] {
        [
            ("samples per float chunk", &self.floats),
            ("samples per histogram chunk", &self.histograms),
            ("buckets per histogram chunk", &self.buckets),
        ]
    }
}

/// The samples of a series in one slice.
#[derive(Debug, Clone, Copy, Default)]
struct Chunk {
    floats: u64,
    histograms: u64,
    buckets: u64,
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
    /// Reads the whole block, or what of it matches; of each list, the `limit` greatest are kept.
    /// Memory holds the distinct label pairs.
    ///
    /// # Errors
    /// The block is damaged.
    #[boxed]
    pub async fn of(block: &Arc<Block>, options: &AnalysisOptions) -> Result<Self, BlockError> {
        let limit = options.limit;
        let meta = block.meta().clone();
        let length_ms = length_ms(&meta);
        let mut names: HashMap<String, HashMap<String, Pair>> = HashMap::new();
        let mut entries = 0;
        let matchers = options
            .selector
            .as_ref()
            .map(|(_, matchers)| matchers.clone());
        let request = SelectRequest {
            matchers: matchers.unwrap_or_default(),
            range: TimeRange::ALL,
        };
        let mut matched = 0;
        let mut chunks = options.is_extended.then(ChunkSizes::default);
        let mut samples = Arc::clone(block).select(&request).await?;
        while let Some(series) = samples.try_next().await? {
            matched += 1;
            if let Some(chunks) = &mut chunks {
                chunks.add(&series, SLICE_MS);
            }
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
            matched: options
                .selector
                .as_ref()
                .map(|(text, _)| (text.clone(), matched)),
            lists,
            chunks,
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
        let mut shown = serializer.serialize_struct("Analysis", 13)?;
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
        if let Some((selector, series)) = &self.matched {
            shown.serialize_field("matcher", selector)?;
            shown.serialize_field("matchedSeries", series)?;
        }
        if let Some(chunks) = &self.chunks {
            let chunks: BTreeMap<&str, &Distribution> = chunks.named().into_iter().collect();
            shown.serialize_field("chunks", &chunks)?;
        }
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
        if let Some((selector, _)) = &self.matched {
            writeln!(f, "Matcher: {selector}")?;
        }
        writeln!(f, "Label names: {}", self.names)?;
        if let Some((_, series)) = &self.matched {
            writeln!(f, "Matched series: {series}")?;
        }
        writeln!(f, "Postings (unique label pairs): {}", self.pairs)?;
        writeln!(f, "Postings entries (total label pairs): {}", self.entries)?;
        for list in &self.lists {
            writeln!(f, "\n{}:", list.heading)?;
            for (number, text) in &list.items {
                writeln!(f, "{number} {text}")?;
            }
        }
        if let Some(chunks) = &self.chunks {
            writeln!(f, "\nCompaction analysis:\n")?;
            let total = chunks.floats.count() + chunks.histograms.count();
            for (name, sizes) in chunks.named() {
                sizes.draw(name, total, f)?;
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
