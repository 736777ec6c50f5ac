//! Blocks of several servers as one store that is only read: the labels of the server that a block
//! came from are put on its series, and matchers for them are judged here.
//!
//! It is not: a list of what lies in a bucket. Which blocks count is said by whoever makes one.

mod damaged;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use narthex_block::Block;
use narthex_model::{Labels, LabelsBuilder, Matcher};
use narthex_storage::{
    LabelsRequest, Queryable, SelectRequest, Series, SeriesStream, StorageError, TimeRange, Wanted,
    Warnings,
};
use prometheus_client::metrics::counter::Counter;

use self::damaged::Damaged;
use crate::BlockSet;
use crate::block_set::{is_touched, order};

/// Blocks of several servers. See the module's documentation.
///
/// A block that is found to be damaged is left out from then on, and who reads is warned of it; the
/// blocks are tried again where they are put together anew.
#[derive(Debug)]
pub struct LabelledBlocks {
    /// By labels.
    groups: Vec<Group>,
    damaged: Arc<Damaged>,
}

/// The blocks of one server.
#[derive(Debug)]
struct Group {
    labels: Labels,
    /// Oldest first.
    blocks: Vec<Arc<Block>>,
}

/// What is asked of one group.
struct Asked<'a> {
    group: &'a Group,
    /// Those that may answer for the range.
    blocks: Vec<Arc<Block>>,
    /// Without those of the group's labels, which hold.
    matchers: Vec<Matcher>,
    range: TimeRange,
}

impl LabelledBlocks {
    /// A store of these blocks, none of which stands in place of another one. `failures` counts
    /// reads that failed because a block is damaged.
    pub fn new(blocks: impl IntoIterator<Item = Arc<Block>>, failures: Counter) -> Self {
        let mut groups: BTreeMap<Labels, Vec<Arc<Block>>> = BTreeMap::new();
        for block in blocks {
            let labels = Labels::from_pairs(&block.meta().labels);
            groups.entry(labels).or_default().push(block);
        }
        let groups = groups.into_iter().map(|(labels, mut blocks)| {
            blocks.sort_by(|a, b| order(a).cmp(&order(b)));
            Group { labels, blocks }
        });
        Self {
            groups: groups.collect(),
            damaged: Arc::new(Damaged::new(failures)),
        }
    }

    /// All blocks, those of one server after those of another one.
    pub fn blocks(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.groups.iter().flat_map(|group| &group.blocks)
    }

    /// The labels of each server, with the time from its first to its last sample.
    pub fn spans(&self) -> Vec<(Labels, TimeRange)> {
        let spans = self.groups.iter().filter_map(|group| {
            let spans = || group.blocks.iter().map(|block| block.span());
            let range = TimeRange {
                start_ms: spans().map(|span| span.start_ms).min()?,
                end_ms: spans().map(|span| span.end_ms).max()?,
            };
            Some((group.labels.clone(), range))
        });
        spans.collect()
    }

    /// The groups that may have what is asked for.
    fn asked(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Asked<'_>> {
        let asked = self.groups.iter().filter_map(|group| {
            let touched = group.blocks.iter().filter(|b| is_touched(b, range));
            let blocks: Vec<Arc<Block>> = touched.cloned().collect();
            let matchers = left(matchers, &group.labels)?;
            (!blocks.is_empty()).then_some(Asked {
                group,
                blocks,
                matchers,
                range,
            })
        });
        asked.collect()
    }

    /// Asks the blocks of a group, without those that are damaged. Where one is found to be, the
    /// others are asked again.
    async fn ask<T, F>(
        &self,
        asked: &Asked<'_>,
        warnings: &Warnings,
        question: impl Fn(BlockSet) -> F,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>>,
    {
        loop {
            let sound = self.damaged.sound(&asked.blocks, warnings);
            match question(BlockSet::new(sound)).await {
                // It is left out the next time, so this ends.
                Err(error) if self.damaged.blames_another(&error, &asked.blocks) => {}
                answer => return answer,
            }
        }
    }

    /// The samples of one group, under its labels.
    async fn samples(
        &self,
        asked: &Asked<'_>,
        wanted: Wanted,
        warnings: &Warnings,
    ) -> Result<SeriesStream, StorageError> {
        let request = &asked.samples();
        let found = self.ask(asked, warnings, |blocks| async move {
            blocks.select(request, wanted).await
        });
        let found = found.await?;
        let labels = asked.group.labels.clone();
        let (damaged, blocks) = (Arc::clone(&self.damaged), asked.blocks.clone());
        let found = found.map(move |read| match read {
            Ok(series) => Ok(labelled(series, &labels)),
            Err(error) => {
                damaged.blames_another(&error, &blocks);
                Err(error)
            }
        });
        Ok(found.boxed())
    }

    /// The label sets of one group, under its labels; one may come twice.
    async fn label_sets(
        &self,
        asked: &Asked<'_>,
        limit: usize,
        warnings: &Warnings,
    ) -> Result<Vec<Labels>, StorageError> {
        let request = &asked.samples();
        let found = self.ask(asked, warnings, |blocks| async move {
            Ok::<_, StorageError>(blocks.label_sets(request, limit).await?)
        });
        let own = &asked.group.labels;
        Ok(found.await?.iter().map(|l| with(l, own)).collect())
    }

    /// The label names that the series of one group have themselves.
    async fn own_names(
        &self,
        asked: &Asked<'_>,
        request: &LabelsRequest,
        warnings: &Warnings,
    ) -> Result<BTreeSet<String>, StorageError> {
        let found = self.ask(asked, warnings, |blocks| async move {
            Ok::<_, StorageError>(blocks.label_names(request).await?)
        });
        found.await
    }

    /// The label names of one group.
    async fn names(
        &self,
        asked: &Asked<'_>,
        limit: Option<usize>,
    ) -> Result<BTreeSet<String>, StorageError> {
        let request = asked.labels(limit);
        let mut names = self
            .own_names(asked, &request, &Warnings::default())
            .await?;
        // Where there is no series, nothing has the group's labels either.
        if !names.is_empty() {
            let own = asked.group.labels.iter();
            names.extend(own.map(|(name, _)| name.to_owned()));
        }
        Ok(names)
    }

    /// The values of a label in one group.
    async fn values(
        &self,
        asked: &Asked<'_>,
        name: &str,
        limit: Option<usize>,
    ) -> Result<BTreeSet<String>, StorageError> {
        let warnings = &Warnings::default();
        if let Some(value) = asked.group.labels.get(name) {
            let one = self.label_sets(asked, 1, warnings).await?;
            return Ok(one.first().map(|_| value.to_owned()).into_iter().collect());
        }
        let request = &asked.labels(limit);
        let found = self.ask(asked, warnings, |blocks| async move {
            Ok::<_, StorageError>(blocks.label_values(name, request).await?)
        });
        found.await
    }

    /// Whether the groups may have one label set twice: where series have labels of their own under
    /// names that the servers' labels have. Otherwise those tell series of two groups apart.
    async fn may_repeat(
        &self,
        all: &[Asked<'_>],
        warnings: &Warnings,
    ) -> Result<bool, StorageError> {
        let labels = all.iter().flat_map(|asked| &asked.group.labels);
        let names: BTreeSet<&str> = labels.map(|(name, _)| name).collect();
        if names.is_empty() {
            return Ok(false);
        }
        // The names of a block were read for the matchers.
        for asked in all {
            let request = LabelsRequest {
                matchers: Vec::new(),
                range: asked.range,
                limit: None,
            };
            let own = self.own_names(asked, &request, warnings).await?;
            if own.iter().any(|name| names.contains(name.as_str())) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Asked<'_> {
    fn samples(&self) -> SelectRequest {
        SelectRequest {
            matchers: self.matchers.clone(),
            range: self.range,
        }
    }

    fn labels(&self, limit: Option<usize>) -> LabelsRequest {
        LabelsRequest {
            matchers: self.matchers.clone(),
            range: self.range,
            limit,
        }
    }
}

impl Queryable for LabelledBlocks {
    /// Blocks never change, so their names stand for what is in them. Without a block that is damaged
    /// an answer lacks something, which it may have the next time.
    fn version(&self, range: TimeRange) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        for block in self.blocks().filter(|block| is_touched(block, range)) {
            block.meta().ulid.hash(&mut hasher);
        }
        (!self.damaged.has_any()).then(|| hasher.finish())
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        // Asked for each selector of each query, and not all servers have windows.
        let has_windows = |group: &&Group| group.blocks.iter().any(|b| !b.meta().is_raw());
        let groups = self.groups.iter().filter(has_windows);
        let longest = groups.map(|group| {
            let touched = group.blocks.iter().filter(|b| is_touched(b, range));
            let blocks = BlockSet::new(touched.cloned().collect());
            blocks.resolution_ms(range, max_resolution_ms)
        });
        longest.max().unwrap_or_default()
    }

    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let warnings = Warnings::default();
            self.select_with_warnings(request, &warnings).await
        }
        .boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let asked = self.asked(&request.matchers, request.range);
            // Side by side: a block in a bucket takes its time.
            let found = asked
                .iter()
                .map(|asked| self.samples(asked, wanted, warnings));
            let found = stream::select_all(try_join_all(found).await?).boxed();
            match self.may_repeat(&asked, warnings).await? {
                true => joined(found).await,
                false => Ok(found),
            }
        }
        .boxed()
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let warnings = Warnings::default();
            self.series_with_warnings(request, &warnings).await
        }
        .boxed()
    }

    fn series_with_warnings<'a>(
        &'a self,
        request: &'a LabelsRequest,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let limit = limit(request);
            let asked = self.asked(&request.matchers, request.range);
            let found = asked
                .iter()
                .map(|asked| self.label_sets(asked, limit, warnings));
            let found = try_join_all(found).await?;
            let found: HashSet<Labels> = found.into_iter().flatten().collect();
            Ok(found.into_iter().take(limit).collect())
        }
        .boxed()
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let asked = self.asked(&request.matchers, request.range);
            let found = asked.iter().map(|asked| self.names(asked, request.limit));
            let found = try_join_all(found).await?;
            let names: BTreeSet<String> = found.into_iter().flatten().collect();
            Ok(names.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let asked = self.asked(&request.matchers, request.range);
            let found = asked
                .iter()
                .map(|asked| self.values(asked, name, request.limit));
            let found = try_join_all(found).await?;
            let values: BTreeSet<String> = found.into_iter().flatten().collect();
            Ok(values.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }
}

/// The matchers that series are still to be asked for, `None` where one of the labels does not
/// hold.
fn left(matchers: &[Matcher], labels: &Labels) -> Option<Vec<Matcher>> {
    let mut left = Vec::with_capacity(matchers.len());
    for matcher in matchers {
        match labels.get(matcher.name()) {
            Some(value) if !matcher.matches(value) => return None,
            Some(_) => {}
            None => left.push(matcher.clone()),
        }
    }
    Some(left)
}

/// A series under the labels of its server, which win.
fn labelled(series: Series, own: &Labels) -> Series {
    Series {
        labels: with(&series.labels, own),
        ..series
    }
}

fn with(labels: &Labels, own: &Labels) -> Labels {
    if own.is_empty() {
        return labels.clone();
    }
    let mut labels = LabelsBuilder::from_labels(labels);
    for (name, value) in own {
        labels.set(name, value);
    }
    labels.build()
}

/// Each label set once. All of them have to be held for that.
async fn joined(mut found: SeriesStream) -> Result<SeriesStream, StorageError> {
    let mut parts: HashMap<Labels, Vec<Series>> = HashMap::new();
    while let Some(series) = found.try_next().await? {
        parts.entry(series.labels.clone()).or_default().push(series);
    }
    let joined = parts.into_values().filter_map(Series::join).map(Ok);
    Ok(stream::iter(joined).boxed())
}

/// How many label sets, names or values are enough.
fn limit(request: &LabelsRequest) -> usize {
    request.limit.unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
