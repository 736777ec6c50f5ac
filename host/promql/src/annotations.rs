//! Warnings and infos that a query collects while it is evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use narthex_model::{float_text, float_text_from};

use crate::ast::Span;
use crate::printer::quote;

mod histograms;

pub(crate) use histograms::{Note, Notes};

/// So many warnings and so many infos are kept of one query; that others were left out is said.
const ANNOTATIONS_MAX: usize = 1000;

/// Collects annotations from all threads of one query. The same text at the same place counts
/// once.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    collected: Mutex<Collected>,
}

#[derive(Debug, Default)]
struct Collected {
    warnings: BTreeSet<(usize, String)>,
    infos: BTreeSet<(usize, String)>,
    forced_monotonicity: BTreeMap<(usize, String), ForcedMonotonicity>,
    omitted_warnings: bool,
    omitted_infos: bool,
}

/// How far the buckets of a classic histogram were from ascending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ForcedMonotonicity {
    /// The lowest upper bound whose count was raised.
    pub(crate) min_bucket: f64,
    /// The highest upper bound whose count was raised.
    pub(crate) max_bucket: f64,
    /// The largest raise.
    pub(crate) max_diff: f64,
    /// The first time.
    pub(crate) min_ms: i64,
    /// The last time.
    pub(crate) max_ms: i64,
    /// How many times.
    pub(crate) samples: u64,
}

impl ForcedMonotonicity {
    fn merge(&mut self, other: &Self) {
        self.min_bucket = self.min_bucket.min(other.min_bucket);
        self.max_bucket = self.max_bucket.max(other.max_bucket);
        self.max_diff = self.max_diff.max(other.max_diff);
        self.min_ms = self.min_ms.min(other.min_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
        self.samples += other.samples;
    }
}

impl Annotations {
    fn with(&self, add: impl FnOnce(&mut Collected)) {
        add(&mut self
            .collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds `PromQL warning: {text}`.
    pub(crate) fn warning(&self, span: Span, text: &str) {
        self.with(|c| {
            let warning = (span.start, format!("PromQL warning: {text}"));
            c.omitted_warnings |= !insert(&mut c.warnings, warning);
        });
    }

    /// Adds `PromQL info: {text}`.
    pub(crate) fn info(&self, span: Span, text: &str) {
        self.with(|c| {
            let info = (span.start, format!("PromQL info: {text}"));
            c.omitted_infos |= !insert(&mut c.infos, info);
        });
    }

    /// A quantile outside of 0 to 1.
    pub(crate) fn invalid_quantile(&self, span: Span, quantile: f64) {
        let got = shortest(quantile);
        self.warning(
            span,
            &format!("quantile value should be between 0 and 1, got {got}"),
        );
    }

    /// A rate of something that is not named like a counter.
    pub(crate) fn possible_non_counter(&self, span: Span, metric: &str) {
        self.info(
            span,
            &format!(
                "metric might not be a counter, name does not end in \
                 _total/_sum/_count/_bucket: {}",
                quote(metric)
            ),
        );
    }

    /// A rate of something whose type is not that of a counter.
    pub(crate) fn possible_non_counter_type(&self, span: Span, metric: &str, metric_type: &str) {
        self.info(
            span,
            &format!(
                "metric might not be a counter, __type__ label is not set to \"counter\" or \
                 \"histogram\", got {}: {}",
                quote(metric_type),
                quote(metric)
            ),
        );
    }

    /// A bucket whose `le` is no number.
    pub(crate) fn bad_bucket_label(&self, span: Span, metric: &str, le: &str) {
        let (suffix, le) = (for_metric(metric), quote(le));
        self.warning(
            span,
            &format!("bucket label \"le\" is missing or has a malformed value of {le}{suffix}"),
        );
    }

    /// Buckets whose counts do not ascend.
    pub(crate) fn forced_monotonicity(&self, span: Span, metric: &str, forced: ForcedMonotonicity) {
        self.with(|c| {
            let key = (span.start, metric.to_owned());
            let has_room = c.forced_monotonicity.len() < ANNOTATIONS_MAX;
            match c.forced_monotonicity.get_mut(&key) {
                Some(known) => known.merge(&forced),
                None if has_room => {
                    c.forced_monotonicity.insert(key, forced);
                }
                None => c.omitted_infos = true,
            }
        });
    }

    /// Takes all warnings and all infos out, with their places in `query`.
    pub(crate) fn finish(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let mut collected = Collected::default();
        self.with(|c| std::mem::swap(c, &mut collected));
        let placed = |(start, text): (usize, String)| {
            let place = Span { start, end: start }.position(query);
            format!("{text} ({place})")
        };
        let forced = collected
            .forced_monotonicity
            .into_iter()
            .map(|((start, metric), forced)| (start, forced_text(&metric, &forced)));
        let omitted = |omitted: bool, kind: &str| {
            omitted.then(|| {
                format!("more than {ANNOTATIONS_MAX} {kind} annotations, the rest omitted")
            })
        };
        let warnings = collected.warnings.into_iter().map(placed);
        let infos = collected.infos.into_iter().chain(forced).map(placed);
        (
            warnings
                .chain(omitted(collected.omitted_warnings, "warning"))
                .collect(),
            infos
                .chain(omitted(collected.omitted_infos, "info"))
                .collect(),
        )
    }
}

/// Keeps an annotation if it is known or there is room; says whether it did.
fn insert(kept: &mut BTreeSet<(usize, String)>, annotation: (usize, String)) -> bool {
    let has_room = kept.len() < ANNOTATIONS_MAX || kept.contains(&annotation);
    if has_room {
        kept.insert(annotation);
    }
    has_room
}

fn for_metric(metric: &str) -> String {
    if metric.is_empty() {
        String::new()
    } else {
        format!(" for metric name {}", quote(metric))
    }
}

fn forced_text(metric: &str, forced: &ForcedMonotonicity) -> String {
    format!(
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
         https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}, \
         from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
        for_metric(metric),
        shortest(forced.min_bucket),
        shortest(forced.max_bucket),
        two_digits(forced.max_diff),
        forced.samples,
        rfc3339(forced.min_ms),
        rfc3339(forced.max_ms),
    )
}

/// A number as Go's `%g` writes it.
pub(crate) fn shortest(value: f64) -> String {
    float_text(value)
}

/// A number rounded to two significant digits (Go's `%.2g`).
fn two_digits(value: f64) -> String {
    float_text_from(format!("{value:.1e}").parse().unwrap_or(value), 2)
}

/// A time as RFC 3339 in UTC, with milliseconds where there are some.
fn rfc3339(time_ms: i64) -> String {
    let seconds = time_ms.div_euclid(1000);
    let date = crate::evaluate::dates::Date::from_unix_seconds(seconds);
    let day_second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (day_second / 3600, day_second / 60 % 60, day_second % 60);
    let fraction = match time_ms.rem_euclid(1000) {
        0 => String::new(),
        millis => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z",
        date.year, date.month, date.day
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_carry_their_place_and_come_once() {
        let annotations = Annotations::default();
        let span = Span { start: 10, end: 12 };
        annotations.invalid_quantile(span, f64::NAN);
        annotations.invalid_quantile(span, f64::NAN);
        annotations.possible_non_counter(Span::default(), "up");
        let (warnings, infos) = annotations.finish("quantile(\n1.5, up)");
        assert_eq!(
            warnings,
            ["PromQL warning: quantile value should be between 0 and 1, got NaN (2:1)"]
        );
        assert_eq!(
            infos,
            [
                "PromQL info: metric might not be a counter, name does not end in \
              _total/_sum/_count/_bucket: \"up\" (1:1)"
            ]
        );
    }

    #[test]
    fn a_flood_of_warnings_is_cut() {
        let annotations = Annotations::default();
        for le in 0..=ANNOTATIONS_MAX {
            annotations.bad_bucket_label(Span::default(), "m", &format!("x{le}"));
        }
        let (warnings, infos) = annotations.finish("m");
        assert_eq!((warnings.len(), infos.len()), (ANNOTATIONS_MAX + 1, 0));
        assert_eq!(
            warnings.last().unwrap(),
            "more than 1000 warning annotations, the rest omitted"
        );
    }

    #[test]
    fn what_was_forced_is_summed_up() {
        let annotations = Annotations::default();
        for (min_ms, bound, diff) in [
            (1_735_084_800_000, (5.0, 50.0), 5.5),
            (1_703_462_400_000, (10.0, 100.0), 10.0),
            (1_733_011_200_000, (2.5, 75.0), 7.5),
        ] {
            let forced = ForcedMonotonicity {
                min_bucket: bound.0,
                max_bucket: bound.1,
                max_diff: diff,
                min_ms,
                max_ms: min_ms,
                samples: 1,
            };
            annotations.forced_monotonicity(Span { start: 3, end: 4 }, "series_1", forced);
        }
        let (_, infos) = annotations.finish("lorem");
        assert_eq!(
            infos,
            [
                "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
              https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) \
              for metric name \"series_1\", from buckets 2.5 to 100, with a max diff of 10, over 3 \
              samples from 2023-12-25T00:00:00Z to 2024-12-25T00:00:00Z (1:4)"
            ]
        );
    }
}
