//! Joins what the blocks have, streams of series in the order of blocks, with what the head has.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::IntoValues;
use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use narthex_block::block_order;
use narthex_model::Labels;
use narthex_storage::{Series, SeriesStream, StorageError};

/// Series in block order.
pub(crate) type Sorted = BoxStream<'static, Result<Series, StorageError>>;

/// One stream of all series, each label set once, each timestamp once. Where two sources have
/// the same timestamp the earlier source counts, and `newest` last.
///
/// The head's series are in no order, and sorting them would cost more than looking each up; what
/// no source has comes at the end.
pub(crate) fn merge(sources: Vec<Sorted>, newest: Vec<Series>) -> SeriesStream {
    let waiting: Vec<Option<Series>> = sources.iter().map(|_| None).collect();
    let newest = newest.into_iter();
    let state = Merge {
        sources: sources.into_iter().map(Some).collect(),
        waiting,
        newest: newest
            .map(|series| (series.labels.clone(), series))
            .collect(),
        rest: HashMap::new().into_values(),
    };
    stream::try_unfold(state, |mut state| async move {
        let series = state.next().await?;
        Ok(series.map(|series| (series, state)))
    })
    .boxed()
}

struct Merge {
    /// `None` once a source has ended.
    sources: Vec<Option<Sorted>>,
    /// The next series of each source.
    waiting: Vec<Option<Series>>,
    /// What the head has, without what was joined.
    newest: HashMap<Labels, Series>,
    /// What is left of that once the sources have ended.
    rest: IntoValues<Labels, Series>,
}

impl Merge {
    /// Takes the next series of each source that has none waiting. All are asked at once, so that
    /// the slow ones are slow at the same time.
    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StorageError>> {
        let mut is_pending = false;
        for (source, waiting) in self.sources.iter_mut().zip(&mut self.waiting) {
            let Some(stream) = source.as_mut().filter(|_| waiting.is_none()) else {
                continue;
            };
            match stream.poll_next_unpin(context) {
                Poll::Ready(Some(series)) => *waiting = Some(series?),
                Poll::Ready(None) => *source = None,
                Poll::Pending => is_pending = true,
            }
        }
        match is_pending {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }

    async fn next(&mut self) -> Result<Option<Series>, StorageError> {
        poll_fn(|context| self.poll_waiting(context)).await?;
        let mut first: Vec<usize> = Vec::new();
        for (index, series) in self.waiting.iter().enumerate() {
            let Some(series) = series else { continue };
            let lowest = first
                .first()
                .and_then(|first| self.waiting[*first].as_ref());
            let order = lowest.map_or(Ordering::Less, |lowest| {
                // Mostly all sources have the same series next, and that is quickly seen.
                match series.labels == lowest.labels {
                    true => Ordering::Equal,
                    false => block_order(&series.labels, &lowest.labels),
                }
            });
            match order {
                Ordering::Less => first = vec![index],
                Ordering::Equal => first.push(index),
                Ordering::Greater => {}
            }
        }
        let parts = first
            .into_iter()
            .filter_map(|index| self.waiting[index].take());
        let mut parts: Vec<Series> = parts.collect();
        let newest = match parts.first() {
            Some(part) => self.newest.remove(&part.labels),
            None => {
                if !self.newest.is_empty() {
                    self.rest = std::mem::take(&mut self.newest).into_values();
                }
                self.rest.next()
            }
        };
        parts.extend(newest);
        Ok(Series::join(parts))
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use narthex_model::Labels;

    use super::*;

    fn series(name: &str, samples: &[(i64, f64)]) -> Series {
        let (timestamps, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
        let labels = Labels::from_pairs([("__name__", name)]);
        Series::of_numbers(labels, timestamps, values)
    }

    #[test]
    fn equal_sets_are_joined_and_equal_times_are_taken_once() {
        let source = |all: Vec<Series>| stream::iter(all.into_iter().map(Ok)).boxed();
        let sources = vec![
            source(vec![
                series("a", &[(1, 1.0), (3, 3.0)]),
                series("c", &[(1, 7.0)]),
            ]),
            source(vec![]),
            source(vec![
                series("a", &[(2, 2.0), (3, 9.0), (4, 4.0)]),
                series("b", &[(1, 5.0)]),
            ]),
        ];
        let newest = vec![series("e", &[(1, 8.0)]), series("b", &[(1, 9.0), (6, 6.0)])];
        let merged: Vec<Series> =
            futures::executor::block_on(merge(sources, newest).try_collect()).unwrap();
        let merged: Vec<_> = merged
            .iter()
            .map(|s| {
                (
                    s.labels.metric_name(),
                    s.timestamps.to_vec(),
                    s.values.to_vec(),
                )
            })
            .collect();
        let expected = vec![
            ("a", vec![1, 2, 3, 4], vec![1.0, 2.0, 3.0, 4.0]),
            ("b", vec![1, 6], vec![5.0, 6.0]),
            ("c", vec![1], vec![7.0]),
            ("e", vec![1], vec![8.0]),
        ];
        assert_eq!(merged, expected);
    }
}
