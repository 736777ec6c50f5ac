//! What one member answers: groups of chunks by label set, in the order of label sets.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use narthex_model::{Labels, LabelsBuilder};
use narthex_promblock::read_chunk;
use narthex_storage::{Series, TimeRange};
use narthex_storeapi::SeriesFrames;
use narthex_storeapi::message::store::{self, AggrChunk, SeriesFrame};
use tokio::time::{Instant, timeout};

use crate::member::Member;

/// The chunks of one series may have so many bytes; more fail the answer.
const GROUP_BYTES_MAX: usize = 1 << 30;

/// An answer that has to be sorted here may have so many bytes; more fail it.
const SORTED_BYTES_MAX: usize = 1 << 30;

/// What a member has of one label set.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) labels: Labels,
    pub(crate) chunks: Vec<AggrChunk>,
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
            bytes = bytes.saturating_add(prost_len(&series));
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
            let labels = self.labels_of(&series);
            let Some(open) = &mut self.open else {
                let chunks = series.chunks;
                self.open = Some(Group { labels, chunks });
                continue;
            };
            match labels.cmp(&open.labels) {
                Ordering::Equal => {
                    open.chunks.extend(series.chunks);
                    let bytes = open.chunks.iter().map(data_len).sum::<usize>();
                    if bytes > GROUP_BYTES_MAX {
                        let text = format!("a series of more than {GROUP_BYTES_MAX} bytes");
                        return Err(self.fault(&text));
                    }
                }
                Ordering::Greater => {
                    let chunks = series.chunks;
                    return Ok(self.open.replace(Group { labels, chunks }));
                }
                Ordering::Less => {
                    let text = format!("{labels} after {}: series are not sorted", open.labels);
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

fn data_len(chunk: &AggrChunk) -> usize {
    chunk.raw.as_ref().map_or(0, |raw| raw.data.len())
}

/// About so many bytes a series takes.
fn prost_len(series: &store::Series) -> usize {
    let labels = series
        .labels
        .iter()
        .map(|label| label.name.len() + label.value.len() + 64);
    labels.sum::<usize>()
        + series
            .chunks
            .iter()
            .map(|chunk| data_len(chunk) + 128)
            .sum::<usize>()
}

impl Group {
    /// One group of what all members have of a label set: whose a chunk is is forgotten, as in
    /// Thanos, where chunks that follow each other are of one replica.
    pub(crate) fn joined(groups: Vec<Self>) -> Vec<Self> {
        let joined = groups.into_iter().reduce(|mut all, group| {
            all.chunks.extend(group.chunks);
            all
        });
        joined.into_iter().collect()
    }

    /// What its chunks hold in a range: a series for each replica, or for each store that has the
    /// same chunk of time. Chunks that overlap are of different ones; whose is whose is told by
    /// their order alone, as in Thanos.
    ///
    /// # Errors
    /// A chunk cannot be read.
    pub(crate) fn series(mut self, range: TimeRange) -> Result<Vec<Series>, String> {
        self.chunks.sort_by(|a, b| {
            let of = |chunk: &AggrChunk| (chunk.min_time, chunk.max_time);
            of(a).cmp(&of(b))
        });
        self.chunks.dedup_by(|a, b| a == b);
        let mut replicas: Vec<(i64, Vec<Series>)> = Vec::new();
        for chunk in self.chunks {
            let raw = chunk.raw.as_ref();
            let raw = raw.ok_or("a chunk has no samples, only aggregates of them")?;
            let encoding = u8::try_from(raw.r#type.saturating_add(1)).unwrap_or_default();
            let read = read_chunk(encoding, &raw.data, &self.labels, range);
            let read = read.map_err(|fault| format!("a chunk of {}: {fault}", self.labels))?;
            let Some(series) = read else { continue };
            let free = replicas
                .iter_mut()
                .find(|(until_ms, _)| *until_ms < chunk.min_time);
            match free {
                Some((until_ms, parts)) => {
                    *until_ms = chunk.max_time;
                    parts.push(series);
                }
                None => replicas.push((chunk.max_time, vec![series])),
            }
        }
        let replicas = replicas.into_iter();
        Ok(replicas
            .filter_map(|(_, parts)| Series::join(parts))
            .collect())
    }
}

#[cfg(test)]
mod tests;
