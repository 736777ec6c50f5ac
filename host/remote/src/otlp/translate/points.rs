//! The samples of one point, by its kind.

use std::sync::Arc;

use narthex_model::sample::STALE_NAN;
use narthex_model::{Exemplar, ExemplarSample, FloatHistogram, HistogramSample, Labels, Sample};

use super::{Translator, When};
use crate::otlp::delta::Streams;
use crate::otlp::exemplar::exemplars;
use crate::otlp::family::Family;
use crate::otlp::histogram;
use crate::otlp::message::{ExponentialPoint, HistogramPoint, NumberPoint, SummaryPoint};
use crate::otlp::series::{Finder, Found, PointLabels};
use crate::receiver::cache::{FirstSample, Key, ToLearn};

impl Translator<'_> {
    pub(super) fn gauge(
        &mut self,
        point: &NumberPoint<'_>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        let when = When {
            start_ms: 0,
            ..When::of(point)
        };
        let found = labels.series(&mut self.finder, "", None)?;
        self.push(found, value(point), when);
        Ok(())
    }

    pub(super) fn sum(
        &mut self,
        family: &Family<'_>,
        point: &NumberPoint<'_>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        let (mut value, mut when) = (value(point), When::of(point));
        let found = labels.series(&mut self.finder, "", None)?;
        let exemplars = exemplars(&point.exemplars, when.timestamp_ms)?;
        let now_ms = self.tools.rules.now_ms;
        if let Some(streams) = self.streams(family, when, labels.key) {
            let total = streams.number(labels.key, point, now_ms)?;
            (value, when.start_ms) = (total.value, total.start_ms);
        }
        for exemplar in exemplars {
            self.exemplar(&found.labels, exemplar);
        }
        self.push(found, value, when);
        Ok(())
    }

    /// What adds up the points of a family, where they are added up and this one has a value. One
    /// without ends its stream.
    fn streams(&mut self, family: &Family<'_>, when: When, key: Key) -> Option<&mut Streams> {
        let streams = self.tools.streams.as_deref_mut();
        let streams = streams.filter(|_| family.is_accumulated)?;
        if when.has_no_value {
            streams.end(key);
            return None;
        }
        Some(streams)
    }

    pub(super) fn explicit(
        &mut self,
        family: &Family<'_>,
        point: &HistogramPoint<'_>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        let mut when = When::of(point);
        let exemplars = exemplars(&point.exemplars, when.timestamp_ms)?;
        let now_ms = self.tools.rules.now_ms;
        let total = match self.streams(family, when, labels.key) {
            Some(streams) => Some(streams.explicit(labels.key, point, now_ms)?),
            None => None,
        };
        if let Some(total) = &total {
            when.start_ms = total.start_ms;
        }
        let point = total.as_ref().map_or(point, |total| &total.value);
        match self.tools.config.convert_histograms_to_nhcb {
            true => {
                let histogram = || histogram::explicit(point, family.hint());
                self.native(when, histogram, exemplars, labels)
            }
            false => self.classic(when, point, exemplars, labels),
        }
    }

    fn classic(
        &mut self,
        when: When,
        point: &HistogramPoint<'_>,
        exemplars: Vec<Exemplar>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        if let Some(sum) = point.sum {
            let found = labels.series(&mut self.finder, "_sum", None)?;
            self.push(found, sum, when);
        }
        let count = point.count as f64;
        let found = labels.series(&mut self.finder, "_count", None)?;
        self.push(found, count, when);
        let mut bucket =
            |finder: &mut Finder<'_>, bound| labels.series(finder, "_bucket", Some(("le", bound)));
        let mut below = f64::NEG_INFINITY;
        let mut sum = 0_u64;
        for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
            sum = sum.saturating_add(*count);
            let found = bucket(&mut self.finder, *bound)?;
            for exemplar in &exemplars {
                if exemplar.value > below && exemplar.value <= *bound {
                    self.exemplar(&found.labels, exemplar.clone());
                }
            }
            self.push(found, sum as f64, when);
            below = *bound;
        }
        let found = bucket(&mut self.finder, f64::INFINITY)?;
        // NaN is above all bounds as well.
        for exemplar in exemplars {
            if exemplar.value > below || exemplar.value.is_nan() {
                self.exemplar(&found.labels, exemplar);
            }
        }
        self.push(found, count, when);
        Ok(())
    }

    pub(super) fn exponential(
        &mut self,
        family: &Family<'_>,
        point: &ExponentialPoint<'_>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        let mut when = When::of(point);
        let exemplars = exemplars(&point.exemplars, when.timestamp_ms)?;
        let histogram = || histogram::exponential(point, family.hint());
        let now_ms = self.tools.rules.now_ms;
        match self.streams(family, when, labels.key) {
            Some(streams) => {
                let total = streams.exponential(labels.key, point, histogram()?, now_ms)?;
                when.start_ms = total.start_ms;
                self.native(when, || Ok(total.value), exemplars, labels)
            }
            None => self.native(when, histogram, exemplars, labels),
        }
    }

    fn native(
        &mut self,
        mut when: When,
        histogram: impl FnOnce() -> Result<FloatHistogram, String>,
        exemplars: Vec<Exemplar>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        let found = labels.series(&mut self.finder, "", None)?;
        if when.has_no_value {
            when.start_ms = 0;
            self.push(found, STALE_NAN, when);
            return Ok(());
        }
        let histogram = histogram()?;
        for exemplar in exemplars {
            self.exemplar(&found.labels, exemplar);
        }
        let batch = &mut self.out.batch;
        let at = batch.histograms.len();
        if is_start(when) {
            batch.starts.histograms.push((at, when.start_ms));
        }
        batch.histograms.push(HistogramSample {
            series: found.series,
            labels: found.labels,
            timestamp_ms: when.timestamp_ms,
            histogram: Arc::new(histogram),
        });
        self.finder.to_learn.push(ToLearn {
            key: found.key,
            series: found.series,
            first: FirstSample::Histogram(at),
        });
        self.out.histogram_points.push(self.point);
        self.out.without_metadata += u64::from(!self.has_metadata);
        Ok(())
    }

    pub(super) fn summary(
        &mut self,
        point: &SummaryPoint<'_>,
        labels: &mut PointLabels<'_, '_>,
    ) -> Result<(), String> {
        let when = When::of(point);
        for (suffix, value) in [("_sum", point.sum), ("_count", point.count as f64)] {
            let found = labels.series(&mut self.finder, suffix, None)?;
            self.push(found, value, when);
        }
        for quantile in &point.quantile_values {
            let label = Some(("quantile", quantile.quantile));
            let found = labels.series(&mut self.finder, "", label)?;
            self.push(found, quantile.value, when);
        }
        Ok(())
    }

    pub(super) fn push(&mut self, found: Found, value: f64, when: When) {
        let batch = &mut self.out.batch;
        let at = batch.samples.len();
        if is_start(when) {
            batch.starts.samples.push((at, when.start_ms));
        }
        batch.samples.push(Sample {
            series: found.series,
            labels: found.labels,
            timestamp_ms: when.timestamp_ms,
            value: when.value(value),
        });
        self.finder.to_learn.push(ToLearn {
            key: found.key,
            series: found.series,
            first: FirstSample::Number(at),
        });
        self.out.points.push(self.point);
        self.out.without_metadata += u64::from(!self.has_metadata);
    }

    fn exemplar(&mut self, series: &Labels, exemplar: Exemplar) {
        self.out.batch.exemplars.push(ExemplarSample {
            series: series.clone(),
            exemplar,
        });
    }
}

/// The number of a point; 0 where it says none, as its format has it.
fn value(point: &NumberPoint<'_>) -> f64 {
    let value = point.as_double.or(point.as_int.map(|value| value as f64));
    value.unwrap_or_default()
}

/// Whether the time that counting began at can be one.
fn is_start(when: When) -> bool {
    when.start_ms > 0 && when.start_ms <= when.timestamp_ms
}
