//! What one member answers: groups of chunks by label set, in the order of label sets.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use narthex_model::{Labels, LabelsBuilder};
use narthex_promblock::{read_chunk, read_counter_chunk};
use narthex_storage::{Aggregate, Series, TimeRange, Wanted};
use narthex_storeapi::SeriesFrames;
use narthex_storeapi::message::Label;
use narthex_storeapi::message::store::{self, AggrChunk, Chunk, SeriesFrame};
use tokio::time::{Instant, timeout};

use crate::counter::{self, ReadChunk};
use crate::member::Member;
use crate::windows;

/// The chunks of one series may have so many bytes; more fail the answer.
const GROUP_BYTES_MAX: usize = 1 << 30;

/// So many warnings of one member are taken, and so many characters of each; one that has more fails.
const WARNINGS_MAX: usize = 100;
const WARNING_CHARS_MAX: usize = 1_000;

/// An answer that has to be sorted here may have so many bytes; more fail it.
const SORTED_BYTES_MAX: usize = 1 << 30;

/// What a member has of one label set.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) labels: Labels,
    pub(crate) chunks: Vec<AggrChunk>,
    /// How much memory they take.
    bytes: usize,
}

/// The series of a group, and what could not be read of it.
#[derive(Debug, Default)]
pub(crate) struct ReadGroup {
    pub(crate) series: Vec<Series>,
    pub(crate) faults: Vec<String>,
}

/// An answer that is being read.
pub(crate) struct Answer {
    pub(crate) member: Arc<Member>,
    /// `None` after its end.
    frames: Option<SeriesFrames>,
    /// What came and is not looked at yet.
    came: VecDeque<store::Series>,
    /// The group that the next series may go on with.
    open: Option<Group>,
    /// How long a reader waited for it so far.
    waited: Duration,
    patience: Duration,
    /// Labels that the member does not leave out itself.
    without: Vec<String>,
    /// What the member says is missing.
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    /// An answer for which a reader waits so long in all.
    pub(crate) fn new(
        member: Arc<Member>,
        frames: SeriesFrames,
        (waited, patience): (Duration, Duration),
    ) -> Self {
        Self {
            member,
            frames: Some(frames),
            came: VecDeque::new(),
            open: None,
            waited,
            patience,
            without: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads all of it, leaves these labels out and sorts what is left, for a member that does
    /// neither.
    ///
    /// # Errors
    /// As [`Self::next`]; it is too large.
    pub(crate) async fn sorted_without(mut self, labels: &[String]) -> Result<Self, String> {
        self.without = labels.to_vec();
        let mut all = Vec::new();
        let mut bytes: usize = 0;
        while let Some(series) = self.next_series().await? {
            bytes = bytes.saturating_add(series_len(&series));
            if bytes > SORTED_BYTES_MAX {
                return Err(self.fault(&format!(
                    "more than {SORTED_BYTES_MAX} bytes, and it does not leave out labels itself"
                )));
            }
            all.push((self.labels_of(&series), series));
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.came = all.into_iter().map(|(_, series)| series).collect();
        Ok(self)
    }

    /// The next group; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, the member refuses, keeps us waiting or sends what is no answer. It is
    /// not to be asked again then.
    pub(crate) async fn next(&mut self) -> Result<Option<Group>, String> {
        loop {
            let Some(series) = self.next_series().await? else {
                return Ok(self.open.take());
            };
            let group = Group::new(self.labels_of(&series), series.chunks);
            let Some(open) = &mut self.open else {
                self.open = Some(group);
                continue;
            };
            match group.labels.cmp(&open.labels) {
                Ordering::Equal => {
                    open.bytes = open.bytes.saturating_add(group.bytes);
                    open.chunks.extend(group.chunks);
                    if open.bytes > GROUP_BYTES_MAX {
                        let text = format!("a series of more than {GROUP_BYTES_MAX} bytes");
                        return Err(self.fault(&text));
                    }
                }
                Ordering::Greater => return Ok(self.open.replace(group)),
                Ordering::Less => {
                    let (labels, before) = (&group.labels, &open.labels);
                    let text = format!("{labels} after {before}: series are not sorted");
                    return Err(self.fault(&text));
                }
            }
        }
    }

    async fn next_series(&mut self) -> Result<Option<store::Series>, String> {
        loop {
            if let Some(series) = self.came.pop_front() {
                return Ok(Some(series));
            }
            let Some(frames) = &mut self.frames else {
                return Ok(None);
            };
            let begun = Instant::now();
            let left = self.patience.saturating_sub(self.waited);
            let frame = timeout(left, frames.next()).await;
            self.waited += begun.elapsed();
            let Ok(frame) = frame else {
                self.frames = None;
                let patience = self.patience;
                return Err(self.fault(&format!("it kept us waiting for {patience:?}")));
            };
            match frame {
                None => self.frames = None,
                Some(Err(error)) => {
                    self.frames = None;
                    return Err(error.to_string());
                }
                Some(Ok(SeriesFrame::Series(series))) => self.came.push_back(series),
                Some(Ok(SeriesFrame::Batch(batch))) => self.came.extend(batch.series),
                Some(Ok(SeriesFrame::Warning(text))) => {
                    if self.warnings.len() >= WARNINGS_MAX {
                        self.frames = None;
                        let text = format!("it has more than {WARNINGS_MAX} warnings");
                        return Err(self.fault(&text));
                    }
                    let text: String = text.chars().take(WARNING_CHARS_MAX).collect();
                    let warning = self.fault(&text);
                    self.warnings.push(warning);
                }
            }
        }
    }

    fn labels_of(&self, series: &store::Series) -> Labels {
        let pairs = || {
            let labels = series.labels.iter();
            labels.map(|label| (label.name.as_str(), label.value.as_str()))
        };
        if self.without.is_empty() {
            return Labels::from_sorted(pairs()).unwrap_or_else(|_| Labels::from_pairs(pairs()));
        }
        let mut builder = LabelsBuilder::from_labels(&Labels::from_pairs(pairs()));
        for name in &self.without {
            builder.remove(name);
        }
        builder.build()
    }

    fn fault(&self, text: &str) -> String {
        format!("{}: {text}", self.member.endpoint().address())
    }
}

/// How much memory a chunk takes.
fn chunk_len(chunk: &AggrChunk) -> usize {
    let parts = [
        &chunk.raw,
        &chunk.count,
        &chunk.sum,
        &chunk.min,
        &chunk.max,
        &chunk.counter,
    ];
    let data = parts.into_iter().flatten().map(|part| part.data.len());
    size_of::<AggrChunk>() + data.sum::<usize>()
}

/// About how much memory a series takes.
pub(crate) fn series_len(series: &store::Series) -> usize {
    let labels = series.labels.iter();
    let labels = labels.map(|label| size_of::<Label>() + label.name.len() + label.value.len());
    let chunks = series.chunks.iter().map(chunk_len);
    size_of::<store::Series>() + labels.sum::<usize>() + chunks.sum::<usize>()
}

impl Group {
    pub(crate) fn new(labels: Labels, chunks: Vec<AggrChunk>) -> Self {
        let bytes = chunks.iter().map(chunk_len).sum();
        Self {
            labels,
            chunks,
            bytes,
        }
    }

    /// One group of what all members have of a label set: whose a chunk is is forgotten, as in
    /// Thanos, where chunks that follow each other are of one replica.
    pub(crate) fn joined(groups: Vec<Self>) -> Vec<Self> {
        let joined = groups.into_iter().reduce(|mut all, group| {
            all.chunks.extend(group.chunks);
            all.bytes = all.bytes.saturating_add(group.bytes);
            all
        });
        joined.into_iter().collect()
    }

    /// What its chunks hold in a range: a series for each replica, or for each store that has the
    /// same chunk of time. Chunks that overlap are of different ones; whose is whose is told by
    /// their order alone, as in Thanos. One that cannot be read costs itself.
    pub(crate) fn series(mut self, range: TimeRange, wanted: Wanted) -> ReadGroup {
        self.chunks.sort_by(|a, b| {
            let of = |chunk: &AggrChunk| (chunk.min_time, chunk.max_time);
            of(a).cmp(&of(b))
        });
        self.chunks.dedup_by(|a, b| a == b);
        let mut faults = Vec::new();
        let mut replicas: Vec<(i64, Vec<ReadChunk>)> = Vec::new();
        for chunk in self.chunks {
            let read = match read(&chunk, &self.labels, range, wanted) {
                Ok(Some(read)) => read,
                Ok(None) => continue,
                Err(fault) => {
                    // More of one series say no more.
                    if faults.is_empty() {
                        faults.push(format!("a chunk of {}: {fault}", self.labels));
                    }
                    continue;
                }
            };
            let free = replicas
                .iter_mut()
                .find(|(until_ms, _)| *until_ms < chunk.min_time);
            match free {
                Some((until_ms, parts)) => {
                    *until_ms = chunk.max_time;
                    parts.push(read);
                }
                None => replicas.push((chunk.max_time, vec![read])),
            }
        }
        let replicas = replicas.into_iter();
        ReadGroup {
            series: replicas
                .filter_map(|(_, parts)| counter::joined(parts))
                .collect(),
            faults,
        }
    }
}

/// What is wanted of the samples of a chunk in a range; `None` where there is none.
fn read(
    chunk: &AggrChunk,
    labels: &Labels,
    range: TimeRange,
    wanted: Wanted,
) -> Result<Option<ReadChunk>, String> {
    let encoding = |part: &Chunk| u8::try_from(part.r#type.saturating_add(1)).unwrap_or_default();
    let read = |part: &Chunk| {
        let read = read_chunk(encoding(part), &part.data, labels, range);
        read.map_err(|fault| fault.to_string())
    };
    let alone = |series: Series| ReadChunk { series, last: None };
    let windows = match wanted {
        Wanted::Samples | Wanted::Growth => None,
        Wanted::Windows { aggregate, .. } => windows_of(chunk, aggregate),
    };
    if let Some(part) = windows {
        if !wanted.is_growth() {
            return Ok(read(part)?.map(alone));
        }
        let read = read_counter_chunk(encoding(part), &part.data, labels, range);
        let read = read.map_err(|fault| fault.to_string())?;
        return Ok(read.map(|(series, last)| ReadChunk { series, last }));
    }
    if let Some(raw) = &chunk.raw {
        let series = read(raw)?.map(|series| wanted.of_raw(series));
        return Ok(series.map(alone));
    }
    match (&chunk.sum, &chunk.count) {
        // Of a window Thanos keeps no sample, and its average stands for the newest.
        (Some(sum), Some(count)) if wanted.aggregate() == Aggregate::Newest => {
            let (Some(sums), Some(counts)) = (read(sum)?, read(count)?) else {
                return Ok(None);
            };
            Ok(windows::averages(sums, &counts).map(alone))
        }
        _ => Err("it has no samples, only aggregates of them".to_owned()),
    }
}

/// The chunk of an aggregate; `None` where the samples have to do.
fn windows_of(chunk: &AggrChunk, aggregate: Aggregate) -> Option<&Chunk> {
    let found = match aggregate {
        Aggregate::Newest => return None,
        Aggregate::Growth => &chunk.counter,
        Aggregate::Count => &chunk.count,
        Aggregate::Sum => &chunk.sum,
        Aggregate::Min => &chunk.min,
        Aggregate::Max => &chunk.max,
    };
    found.as_ref()
}

#[cfg(test)]
mod tests;
