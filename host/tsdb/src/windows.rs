//! Reads a downsampled block as if its series were those that it was made of.
//!
//! Each of them is there up to five times, with one label more that says which aggregate it is:
//! one is chosen by that label, and readers never see it.
//!
//! It is not: whether such a block is read at all. That is [`crate::resolutions`]'.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use narthex_block::{AGGREGATE_LABEL, BlockError, block_order};
use narthex_model::{Labels, Matcher, sample};
use narthex_storage::{Aggregate, Place, SelectRequest, Series, TimeRange};

use crate::resolutions::Part;

/// Series of a block, in its order.
type BlockStream = BoxStream<'static, Result<Series, BlockError>>;

/// Reads the windows of a block in the place of samples.
///
/// # Errors
/// The block is damaged or its store fails, here or in the stream.
pub(crate) async fn select(
    part: &Part,
    matchers: &[Matcher],
    aggregate: Aggregate,
) -> Result<BlockStream, BlockError> {
    let Some(matchers) = matchers_of(matchers, aggregate) else {
        return Ok(stream::empty().boxed());
    };
    let resolution_ms = part.block.meta().resolution_ms;
    let wanted = part.range;
    let range = match aggregate {
        // Which sample is a window's newest is seen in the whole window.
        Aggregate::Newest => TimeRange {
            end_ms: window_end(wanted.end_ms, resolution_ms),
            ..wanted
        },
        _ => wanted,
    };
    let found = Arc::clone(&part.block);
    let found = found.select(&SelectRequest { matchers, range }).await?;
    let found = found.try_filter_map(move |mut series| async move {
        series.labels = stripped(&series.labels);
        Ok(match aggregate {
            Aggregate::Newest => newest(series, resolution_ms, wanted),
            _ => Some(series),
        })
    });
    Ok(in_order(found.boxed()))
}

/// The matchers of the series that hold an aggregate; `None` where no series can match, since to
/// readers none has the label.
pub(crate) fn matchers_of(matchers: &[Matcher], aggregate: Aggregate) -> Option<Vec<Matcher>> {
    let (of_label, others): (Vec<&Matcher>, Vec<&Matcher>) = matchers
        .iter()
        .partition(|matcher| matcher.name() == AGGREGATE_LABEL);
    if !of_label.iter().all(|matcher| matcher.matches("")) {
        return None;
    }
    let own = Matcher::equal(AGGREGATE_LABEL, stored(aggregate).name());
    Some(others.into_iter().cloned().chain([own]).collect())
}

/// Which aggregate of a block it is read from.
fn stored(aggregate: Aggregate) -> narthex_block::Aggregate {
    match aggregate {
        Aggregate::Newest | Aggregate::Growth => narthex_block::Aggregate::Counter,
        Aggregate::Count => narthex_block::Aggregate::Count,
        Aggregate::Sum => narthex_block::Aggregate::Sum,
        Aggregate::Min => narthex_block::Aggregate::Min,
        Aggregate::Max => narthex_block::Aggregate::Max,
    }
}

/// The labels of the series that an aggregate is of.
pub(crate) fn stripped(labels: &Labels) -> Labels {
    labels.without(&[AGGREGATE_LABEL])
}

/// When the window ends that has this time.
fn window_end(time_ms: i64, resolution_ms: i64) -> i64 {
    let windows = window(time_ms, resolution_ms).saturating_add(1);
    windows.saturating_mul(resolution_ms)
}

/// The number of the window that has this time; its left end is left out.
fn window(time_ms: i64, resolution_ms: i64) -> i64 {
    time_ms.saturating_sub(1).div_euclid(resolution_ms.max(1))
}

/// The newest sample of each window, and the marker behind it where there is one, as far as they
/// lie in the range. The other samples of a counter are there for its growth only.
fn newest(series: Series, resolution_ms: i64, range: TimeRange) -> Option<Series> {
    let mut kept: Vec<Place> = Vec::new();
    let mut done: Option<i64> = None;
    for (at, time_ms) in series.timestamps.iter().enumerate().rev() {
        let window = window(*time_ms, resolution_ms);
        if done == Some(window) {
            continue;
        }
        if !is_stale(&series, at) {
            done = Some(window);
        }
        if range.contains(*time_ms) {
            kept.push((0, at));
        }
    }
    kept.reverse();
    match kept.len() {
        0 => None,
        len if len == series.timestamps.len() => Some(series),
        _ => Series::gather(&[series], &kept),
    }
}

/// Whether the sample says that the series has ended.
fn is_stale(series: &Series, at: usize) -> bool {
    let value = series.values[at];
    if !sample::is_histogram(value) {
        return sample::is_stale_nan(value);
    }
    let histograms = series.histograms.as_ref();
    let histogram = histograms.and_then(|all| all.get(at)?.as_ref());
    histogram.is_some_and(|histogram| sample::is_stale_nan(histogram.sum))
}

/// Series of which one more label came before, in the order that they have without it.
///
/// It is the same order but where a metric has labels that sort before that label: then series
/// with them came before those without. Those metrics are put in order one by one.
fn in_order(found: BlockStream) -> BlockStream {
    let state = Order {
        found,
        next: None,
        sorted: VecDeque::new(),
    };
    stream::try_unfold(state, |mut state| async move {
        let series = state.next().await?;
        Ok(series.map(|series| (series, state)))
    })
    .boxed()
}

struct Order {
    found: BlockStream,
    /// Read, and of another metric than the one before.
    next: Option<Series>,
    /// The rest of a metric that was put in order.
    sorted: VecDeque<Series>,
}

impl Order {
    async fn next(&mut self) -> Result<Option<Series>, BlockError> {
        if let Some(series) = self.sorted.pop_front() {
            return Ok(Some(series));
        }
        let first = match self.next.take() {
            Some(series) => series,
            None => match self.found.try_next().await? {
                Some(series) => series,
                None => return Ok(None),
            },
        };
        let earliest = first.labels.iter().next();
        if earliest.is_none_or(|(name, _)| name > AGGREGATE_LABEL) {
            return Ok(Some(first));
        }
        let mut metric = vec![first];
        while let Some(series) = self.found.try_next().await? {
            if series.labels.metric_name() != metric[0].labels.metric_name() {
                self.next = Some(series);
                break;
            }
            metric.push(series);
        }
        metric.sort_by(|a, b| block_order(&a.labels, &b.labels));
        self.sorted = metric.into();
        Ok(self.sorted.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn series(pairs: &[(&str, &str)]) -> Series {
        let labels = Labels::from_pairs(pairs.iter().copied());
        Series::of_numbers(labels, vec![1], vec![1.0])
    }

    #[test]
    fn series_are_in_order_without_the_label_whatever_else_they_have() {
        let plain = [
            series(&[("__name__", "a")]),
            series(&[("__name__", "a"), ("Zone", "1")]),
            series(&[("__name__", "a"), ("Zone", "1"), ("job", "x")]),
            series(&[("__name__", "a"), ("job", "x")]),
            series(&[("__name__", "b"), ("job", "x")]),
            series(&[("__name__", "c"), ("Zone", "1")]),
            series(&[("__name__", "d")]),
        ];
        let with_label = |series: &Series| {
            let pairs = series.labels.iter().chain([(AGGREGATE_LABEL, "sum")]);
            let mut pairs: Vec<(&str, &str)> = pairs.collect();
            pairs.sort_unstable();
            Labels::from_pairs(pairs)
        };
        let mut stored: Vec<Labels> = plain.iter().map(with_label).collect();
        stored.sort_by(block_order);
        let found = stored.iter().map(|labels| Series {
            labels: stripped(labels),
            ..series(&[])
        });
        let found: Vec<Result<Series, BlockError>> = found.map(Ok).collect();
        let found = in_order(stream::iter(found).boxed());
        let found: Vec<Series> = block_on(found.try_collect()).unwrap();
        let mut expected: Vec<&Labels> = plain.iter().map(|series| &series.labels).collect();
        expected.sort_by(|a, b| block_order(a, b));
        let found: Vec<&Labels> = found.iter().map(|series| &series.labels).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_newest_of_a_window_is_never_a_height_that_was_made_up() {
        let labels = Labels::from_pairs([("__name__", "x")]);
        // Windows of 10: the first has a sample of made up height, the second a marker behind its
        // last sample, the third a marker alone.
        let times = vec![3, 7, 10, 15, 16, 29, 40];
        let stale = sample::STALE_NAN;
        let values = vec![1.0, 99.0, 2.0, 3.0, stale, stale, 4.0];
        let all = Series::of_numbers(labels, times, values);
        let ends = |range: TimeRange| {
            let found = newest(all.clone(), 10, range);
            found.map(|found| found.timestamps.to_vec())
        };
        assert_eq!(ends(TimeRange::ALL), Some(vec![10, 15, 16, 29, 40]));
        let range = TimeRange {
            start_ms: 5,
            end_ms: 9,
        };
        assert_eq!(ends(range), None);
        assert_eq!(window_end(10, 10), 10);
        assert_eq!(window_end(11, 10), 20);
        assert_eq!(window_end(0, 10), 0);
        assert_eq!(window_end(-5, 10), 0);
    }

    #[test]
    fn readers_cannot_ask_for_the_label() {
        let equal = |value: &str| Matcher::equal(AGGREGATE_LABEL, value);
        assert!(matchers_of(&[equal("sum")], Aggregate::Sum).is_none());
        let found = matchers_of(&[equal(""), Matcher::equal("a", "b")], Aggregate::Min).unwrap();
        assert_eq!(format!("{found:?}"), r#"[a="b", __aggregate__="min"]"#);
    }
}
