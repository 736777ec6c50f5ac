//! The reader's side of the head: snapshots, series and labels.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use futures::future::{self, BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use narthex_model::Labels;
use narthex_storage::{
    ExemplarsRequest, LabelsRequest, Queryable, SelectRequest, Series, SeriesExemplars,
    SeriesStream, StorageError, TimeRange,
};
use roaring::RoaringBitmap;

use crate::head::Head;
use crate::late;
use crate::memory::Memory;
use crate::snapshot::Snapshot;

/// The series of a head with their samples in a range, in the order that was asked for; each is
/// decoded as it is its turn. It is what a block is made of.
#[derive(Debug)]
pub struct Cut {
    snapshots: std::vec::IntoIter<Snapshot>,
}

impl Iterator for Cut {
    type Item = Series;

    fn next(&mut self) -> Option<Series> {
        self.snapshots.by_ref().find_map(read_or_tell)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.snapshots.len()))
    }
}

/// The samples of a snapshot. Damaged memory is told of and costs the series.
pub(crate) fn read_or_tell(snapshot: Snapshot) -> Option<Series> {
    let labels = snapshot.labels.clone();
    let read = snapshot.read();
    let read =
        read.inspect_err(|error| tracing::error!(%labels, %error, "a chunk in memory is damaged"));
    read.ok().flatten()
}

/// Which samples at deleted times are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// All.
    Always,
    /// Those that were there when the samples were deleted, and not those that came late since.
    AtTheTime,
}

impl Head {
    /// All series that have samples in the range, with those samples, sorted by `order`: who
    /// writes them down knows which neighbours are good ones.
    pub fn cut(&self, range: TimeRange, order: impl Fn(&Labels, &Labels) -> Ordering) -> Cut {
        let mut snapshots = self.snapshots(&[], range, Hidden::AtTheTime);
        snapshots.sort_unstable_by(|a, b| order(&a.labels, &b.labels));
        Cut {
            snapshots: snapshots.into_iter(),
        }
    }

    /// The late samples that no block has and no [`Self::cut`] will have: they are older than what
    /// was let go of before, and came before the last call of [`Self::refuse_before`]. Series are
    /// sorted by `order`.
    pub fn late_cut(&self, order: impl Fn(&Labels, &Labels) -> Ordering) -> Vec<Series> {
        let mark = {
            let appender = self.appender();
            appender.late_mark(self.memory().bound_ms())
        };
        let memory = self.memory();
        if memory.late() == 0 {
            return Vec::new();
        }
        let cut = memory.iter().filter_map(|series| {
            let points = series.late_before(mark);
            (!points.is_empty()).then(|| late::series(series.labels.clone(), &points))
        });
        let mut cut: Vec<Series> = cut.collect();
        cut.sort_unstable_by(|a, b| order(&a.labels, &b.labels));
        cut
    }

    /// The series as they are between two batches. Samples are shared or copied here, and decoded
    /// later, without a lock.
    fn snapshots(
        &self,
        matchers: &[narthex_model::Matcher],
        range: TimeRange,
        hidden: Hidden,
    ) -> Vec<Snapshot> {
        let memory = self.memory();
        let slots = memory.index.select(matchers);
        let mut layouts = memory.layouts(range);
        let mut snapshots = Vec::new();
        for (slot, series) in memory.overlapping(&slots, range) {
            let Some(mut snapshot) = memory.snapshot(slot, &mut layouts) else {
                continue;
            };
            if let Some(deleted) = &mut snapshot.deleted
                && hidden == Hidden::AtTheTime
            {
                // Late samples that were there when they were deleted are gone.
                series.late_times(range).for_each(|at| deleted.keep(at));
            }
            snapshots.push(snapshot);
        }
        snapshots
    }

    /// What `answer` makes of the series that match and may have a sample in the range.
    fn with_matching<T>(
        &self,
        request: &LabelsRequest,
        answer: impl FnOnce(&Memory, &RoaringBitmap) -> T,
    ) -> T {
        let memory = self.memory();
        let covers_all = memory.span().is_none_or(|span| {
            request.range.start_ms <= span.start_ms && span.end_ms <= request.range.end_ms
        });
        let mut slots = memory.index.select(&request.matchers);
        if !covers_all {
            slots = memory.overlapping_slots(&slots, request.range);
        }
        answer(&memory, &slots)
    }
}

impl Queryable for Head {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let snapshots = self.snapshots(&request.matchers, request.range, Hidden::Always);
        let series = snapshots.into_iter().filter_map(|snapshot| {
            let labels = snapshot.labels.clone();
            let read = snapshot.read().map_err(|source| StorageError::Read {
                context: format!("a chunk of {labels} in memory is damaged"),
                source: source.into(),
            });
            read.transpose()
        });
        future::ready(Ok(stream::iter(series).boxed())).boxed()
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        let memory = self.memory();
        let slots = memory.index.select(&request.matchers);
        let series = memory.overlapping(&slots, request.range);
        let shown = series.filter(|(slot, _)| !memory.hides(*slot, request.range));
        let labels = shown.map(|(_, series)| series.labels.clone());
        let labels = labels.take(request.limit.unwrap_or(usize::MAX)).collect();
        future::ready(Ok(labels)).boxed()
    }

    fn exemplars(&self, request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        self.exemplars_mut().select(request)
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        let names = self.with_matching(request, |memory, slots| {
            let names = memory.index.names();
            let used = names.filter(|(_, index)| index.is_in(slots));
            used.map(|(name, _)| name.to_owned())
                .collect::<BTreeSet<_>>()
        });
        future::ready(Ok(names.into_iter().collect())).boxed()
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        let mut values = self.with_matching(request, |memory, slots| {
            let values = memory.index.name(name).into_iter();
            let used = values
                .flat_map(|index| index.values())
                .filter(|(_, of)| of.is_in(slots));
            used.map(|(value, _)| value.to_owned()).collect::<Vec<_>>()
        });
        values.sort_unstable();
        future::ready(Ok(values)).boxed()
    }
}
