//! Native histograms in scripts: how they are loaded, and when one is as expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA};
use narthex_model::{CounterResetHint, FloatHistogram, Labels, LabelsBuilder, METRIC_NAME};

use super::compare::almost_equal;
use crate::series_description::{HistogramLiteral, SequenceHistogram, SequenceValue};

/// The histogram that a literal describes.
pub(super) fn of_literal(literal: &HistogramLiteral) -> Result<FloatHistogram, String> {
    let side = |buckets: &crate::series_description::Buckets| {
        let made = Buckets::consecutive(buckets.offset, buckets.counts.clone());
        made.ok_or_else(|| "the offset of the buckets is too large".to_owned())
    };
    Ok(FloatHistogram {
        counter_reset_hint: literal.counter_reset_hint.unwrap_or_default(),
        schema: literal.schema,
        zero_threshold: literal.zero_threshold,
        zero_count: literal.zero_count,
        count: literal.count,
        sum: literal.sum,
        positive: side(&literal.positive)?,
        negative: side(&literal.negative)?,
        custom_bounds: literal.custom_values.as_slice().into(),
    })
}

/// Makes the histograms of sequences such as `{{count:1}}+{{count:2}}x3`, each from the one
/// before.
#[derive(Debug, Default)]
pub struct HistogramSequence {
    last: Option<(SequenceHistogram, FloatHistogram)>,
}

impl HistogramSequence {
    /// The next histogram of a series.
    ///
    /// # Errors
    /// The buckets of the sequence do not fit together.
    pub fn next(&mut self, described: &SequenceHistogram) -> Result<FloatHistogram, String> {
        let (mut steps, mut histogram) = match &self.last {
            Some((last, histogram))
                if Arc::ptr_eq(&last.base, &described.base)
                    && last.steps.abs() <= described.steps.abs() =>
            {
                (last.steps, histogram.clone())
            }
            _ => (0, of_literal(&described.base)?),
        };
        if let Some(step) = &described.step {
            let step = of_literal(step)?;
            while steps != described.steps {
                let combined = match described.steps > 0 {
                    true => histogram.add(&step),
                    false => histogram.subtract(&step),
                };
                combined.map_err(|error| error.to_string())?;
                steps += described.steps.signum();
            }
        }
        self.last = Some((described.clone(), histogram.clone()));
        Ok(histogram)
    }
}

/// Equal but for rounding, once empty buckets are left out. A hint counts where it is expected.
pub(super) fn is_as_expected(expected: &FloatHistogram, found: &FloatHistogram) -> bool {
    let compact = |histogram: &FloatHistogram| {
        let mut histogram = histogram.clone();
        histogram.compact();
        histogram
    };
    let (expected, found) = (compact(expected), compact(found));
    let sides = [
        (&expected.positive, &found.positive),
        (&expected.negative, &found.negative),
    ];
    let numbers = [
        (expected.count, found.count),
        (expected.sum, found.sum),
        (expected.zero_count, found.zero_count),
    ];
    let counts = sides.into_iter().flat_map(|(a, b)| {
        let pairs = a.counts().iter().zip(b.counts());
        pairs.map(|(a, b)| (*a, *b))
    });
    let hint = expected.counter_reset_hint;
    expected.schema == found.schema
        && expected.zero_threshold == found.zero_threshold
        && sides.iter().all(|(a, b)| a.has_layout_of(b))
        && numbers
            .into_iter()
            .chain(counts)
            .all(|(a, b)| almost_equal(a, b))
        && (!expected.has_custom_buckets() || expected.custom_bounds == found.custom_bounds)
        && (hint == CounterResetHint::Unknown || hint == found.counter_reset_hint)
}

/// Classic histograms by their labels without `le`, being collated into native ones with custom
/// buckets (`load_with_nhcb`).
#[derive(Default)]
pub(super) struct Collated {
    histograms: BTreeMap<Labels, BTreeMap<i64, Classic>>,
}

/// A classic histogram at one time.
#[derive(Default)]
struct Classic {
    /// Cumulative counts by upper bound, in no order.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// What a series of a classic histogram has.
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

impl Collated {
    /// Takes a series, if it is one of a classic histogram.
    pub(super) fn add(
        &mut self,
        labels: &Labels,
        values: &[SequenceValue],
        time_ms: impl Fn(i64) -> i64,
    ) {
        let Some((labels, part)) = part(labels) else {
            return;
        };
        let histograms = self.histograms.entry(labels).or_default();
        for (value, index) in values.iter().zip(0..) {
            let SequenceValue::Float(value) = value else {
                continue;
            };
            let histogram = histograms.entry(time_ms(index)).or_default();
            match part {
                Part::Bucket(bound) => histogram.buckets.push((bound, *value)),
                Part::Count => histogram.count = Some(*value),
                Part::Sum => histogram.sum = *value,
            }
        }
    }

    /// All histograms, by series and then by time.
    pub(super) fn histograms(self) -> impl Iterator<Item = (Labels, i64, FloatHistogram)> {
        self.histograms.into_iter().flat_map(|(labels, by_time)| {
            let histograms = by_time.into_iter();
            histograms.map(move |(time_ms, classic)| (labels.clone(), time_ms, classic.native()))
        })
    }
}

impl Classic {
    fn native(mut self) -> FloatHistogram {
        self.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        self.buckets.dedup_by_key(|(bound, _)| *bound);
        let highest = self.buckets.last().copied();
        let count = self.count.or(highest.map(|(_, count)| count));
        let count = count.unwrap_or(0.0);
        if highest.is_none_or(|(bound, _)| bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut before = 0.0;
        let counts = self.buckets.iter().map(|(_, cumulative)| {
            let count = cumulative - before;
            before = *cumulative;
            count
        });
        let counts: Vec<f64> = counts.collect();
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        let bounds: Vec<f64> = bounds.filter(|bound| bound.is_finite()).collect();
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive: Buckets::consecutive(0, counts).unwrap_or_default(),
            custom_bounds: bounds.into(),
            ..FloatHistogram::default()
        };
        histogram.compact();
        histogram
    }
}

/// Which histogram a series is part of, and what of it.
fn part(labels: &Labels) -> Option<(Labels, Part)> {
    let name = labels.metric_name();
    let (base, part) = if let Some(base) = name.strip_suffix("_bucket") {
        let bound = labels.get("le")?.parse::<f64>().ok()?;
        if bound.is_nan() {
            return None;
        }
        (base, Part::Bucket(bound))
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else {
        (name.strip_suffix("_sum")?, Part::Sum)
    };
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(METRIC_NAME, base).remove("le");
    Some((builder.build(), part))
}
