//! A request as a batch of the store: which samples each point becomes.

use std::sync::Arc;

use narthex_model::histogram::CounterResetHint;
use narthex_model::sample::STALE_NAN;
use narthex_model::{
    EXEMPLAR_CHARS_MAX, Exemplar, ExemplarSample, FloatHistogram, HistogramSample, Labels,
    LabelsBuilder, METRIC_NAME, Sample, SeriesRef, WriteBatch,
};

use super::config::OtlpConfig;
use super::histogram;
use super::labels::{Labeler, TypeAndUnit};
use super::message::{self, HistogramPoint, Metric, NumberPoint, Point, Request, ResourceMetrics};
use super::message::{ExponentialPoint, Numbers, SummaryPoint, Temporality};
use super::names::{self, NamedKind};
use crate::receiver::Faults;

/// A resource gets at most so many samples of `target_info` in a request; where its points span
/// more time, the newest ones.
const TARGET_INFO_SAMPLES_MAX: i64 = 1024;

const IN_THE_FUTURE: &str = "out of bounds: timestamp is too far in the future";

/// What is the same for all requests, besides the config.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Points that count from the one before are stored as they are.
    pub(super) takes_delta: bool,
    /// Series get `__type__` and `__unit__`.
    pub(super) type_and_unit: bool,
    /// `target_info` has a sample at least as often as half of this.
    pub(super) lookback_ms: i64,
    /// Later samples are refused.
    pub(super) newest_ms: i64,
}

/// What a request became.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) batch: WriteBatch,
    /// Marks that native histograms ended. A store takes the histograms of a batch after its
    /// numbers, which these are: so they come after the batch.
    pub(super) ended: Vec<Sample>,
    /// The point that each of them comes from.
    pub(super) ended_points: Vec<Option<usize>>,
    /// The point that each sample of the batch comes from.
    pub(super) points: Vec<Option<usize>>,
    /// The point that each native histogram of the batch comes from.
    pub(super) histogram_points: Vec<Option<usize>>,
    /// How many points the request has.
    pub(super) point_count: usize,
    /// How many of them are refused.
    pub(super) refused: usize,
    pub(super) faults: Faults,
}

/// Translates a request.
pub(super) fn translate(config: &OtlpConfig, rules: Rules, request: &Request<'_>) -> Translated {
    let mut translator = Translator {
        config,
        rules,
        out: Translated::default(),
        point: None,
    };
    for resource in &request.resource_metrics {
        translator.resource(resource);
    }
    let mut out = translator.out;
    let exemplars = &mut out.batch.exemplars;
    exemplars.sort_by_key(|sample| sample.exemplar.timestamp_ms);
    out
}

struct Translator<'c> {
    config: &'c OtlpConfig,
    rules: Rules,
    out: Translated,
    /// The point that samples come from.
    point: Option<usize>,
}

/// What the points of a metric share.
struct Family<'m> {
    /// As it was sent.
    sent: &'m str,
    name: String,
    said: TypeAndUnit<'m>,
    temporality: Temporality,
}

impl Family<'_> {
    fn hint(&self) -> CounterResetHint {
        match self.temporality {
            Temporality::Delta => CounterResetHint::Gauge,
            Temporality::Cumulative | Temporality::Unspecified => CounterResetHint::Unknown,
        }
    }
}

/// When a sample is, and since when it counts (0: nobody said).
#[derive(Clone, Copy)]
struct When {
    timestamp_ms: i64,
    start_ms: i64,
    has_no_value: bool,
}

impl When {
    fn of(point: &impl Point) -> Self {
        Self {
            timestamp_ms: point.timestamp_ms(),
            start_ms: point.start_ms(),
            has_no_value: point.has_no_value(),
        }
    }

    fn value(self, value: f64) -> f64 {
        if self.has_no_value { STALE_NAN } else { value }
    }
}

impl Translator<'_> {
    fn resource(&mut self, resource: &ResourceMetrics<'_>) {
        let attributes = &resource.resource.attributes;
        let mut labeler = match Labeler::new(self.config, attributes) {
            Ok(labeler) => labeler,
            Err(fault) => {
                let metrics = resource
                    .scope_metrics
                    .iter()
                    .flat_map(|scope| &scope.metrics);
                return self.refuse_all(metrics, &fault);
            }
        };
        for scope in &resource.scope_metrics {
            match labeler.enter(scope) {
                Ok(()) => {
                    for metric in &scope.metrics {
                        self.metric(metric, &mut labeler);
                    }
                }
                Err(fault) => self.refuse_all(scope.metrics.iter(), &fault),
            }
        }
        self.target_info(resource, &mut labeler);
    }

    fn metric(&mut self, metric: &Metric<'_>, labeler: &mut Labeler<'_>) {
        let Some((kind, word, temporality)) = described(metric) else {
            let fault = format!(
                "metric {:?} has no data of a kind that is known",
                metric.name
            );
            return self.out.faults.add_fault(&fault);
        };
        let is_known = match temporality {
            None | Some(Temporality::Cumulative) => true,
            Some(Temporality::Delta) => self.rules.takes_delta,
            Some(Temporality::Unspecified) => false,
        };
        if !is_known {
            let fault = "invalid temporality and type combination";
            return self.refuse_all([metric], fault);
        }
        let name = match names::metric(self.config, &metric.name, &metric.unit, kind) {
            Ok(name) => name,
            Err(fault) => return self.refuse_all([metric], &fault),
        };
        let temporality = temporality.unwrap_or_default();
        let said = match self.rules.type_and_unit {
            // What counts from point to point has no name for its type yet.
            true if temporality == Temporality::Delta => TypeAndUnit {
                kind: "",
                unit: &metric.unit,
            },
            true => TypeAndUnit {
                kind: word,
                unit: &metric.unit,
            },
            false => TypeAndUnit::default(),
        };
        let family = Family {
            sent: &metric.name,
            name,
            said,
            temporality,
        };
        if let Some(numbers) = &metric.gauge {
            self.each(
                &family,
                &numbers.data_points,
                labeler,
                |this, point, labels| this.number(&family, point, labels, false),
            );
        } else if let Some(numbers) = &metric.sum {
            self.each(
                &family,
                &numbers.data_points,
                labeler,
                |this, point, labels| this.number(&family, point, labels, true),
            );
        } else if let Some(points) = &metric.histogram {
            self.each(
                &family,
                &points.data_points,
                labeler,
                |this, point, labels| match this.config.convert_histograms_to_nhcb {
                    true => {
                        let histogram = histogram::explicit(point, family.hint());
                        this.native(&family, point, histogram, &point.exemplars, labels)
                    }
                    false => this.classic(&family, point, labels),
                },
            );
        } else if let Some(points) = &metric.exponential_histogram {
            self.each(
                &family,
                &points.data_points,
                labeler,
                |this, point, labels| {
                    let point: &ExponentialPoint<'_> = point;
                    let histogram = histogram::exponential(point, family.hint());
                    this.native(&family, point, histogram, &point.exemplars, labels)
                },
            );
        } else if let Some(points) = &metric.summary {
            self.each(
                &family,
                &points.data_points,
                labeler,
                |this, point, labels| this.summary(&family, point, labels),
            );
        }
    }

    /// Takes the points of a metric. One that cannot be taken costs itself.
    fn each<P: Point + Attributes>(
        &mut self,
        family: &Family<'_>,
        points: &[P],
        labeler: &mut Labeler<'_>,
        take: impl Fn(&mut Self, &P, &mut LabelsBuilder) -> Result<(), String>,
    ) {
        if points.is_empty() {
            let fault = format!("empty data points. {} is dropped", family.sent);
            return self.out.faults.add_fault(&fault);
        }
        for point in points {
            self.point = Some(self.out.point_count);
            self.out.point_count += 1;
            let labels = labeler.point(point.attributes(), family.said);
            let taken = labels.and_then(|mut labels| {
                if point.timestamp_ms() > self.rules.newest_ms {
                    return Err(IN_THE_FUTURE.to_owned());
                }
                take(self, point, &mut labels)
            });
            if let Err(fault) = taken {
                self.out.refused += 1;
                self.out.faults.add(&fault, &family.sent);
            }
        }
        self.point = None;
    }

    fn refuse_all<'m>(&mut self, metrics: impl IntoIterator<Item = &'m Metric<'m>>, fault: &str) {
        for metric in metrics {
            let count = point_times(metric).count();
            self.out.point_count += count;
            self.out.refused += count;
            self.out.faults.add(fault, &metric.name);
        }
    }

    fn number(
        &mut self,
        family: &Family<'_>,
        point: &NumberPoint<'_>,
        labels: &mut LabelsBuilder,
        is_sum: bool,
    ) -> Result<(), String> {
        let value = point
            .as_double
            .or(point.as_int.map(|value| value as f64))
            .unwrap_or_default();
        let mut when = When::of(point);
        if !is_sum {
            when.start_ms = 0;
        }
        let labels = labels.set(METRIC_NAME, &family.name).build();
        if is_sum {
            for exemplar in exemplars(&point.exemplars, when)? {
                self.exemplar(&labels, exemplar);
            }
        }
        self.push(labels, value, when);
        Ok(())
    }

    fn classic(
        &mut self,
        family: &Family<'_>,
        point: &HistogramPoint<'_>,
        labels: &mut LabelsBuilder,
    ) -> Result<(), String> {
        let when = When::of(point);
        let exemplars = exemplars(&point.exemplars, when)?;
        let name = |suffix: &str| format!("{}{suffix}", family.name);
        if let Some(sum) = point.sum {
            let series = labels.set(METRIC_NAME, &name("_sum")).build();
            self.push(series, sum, when);
        }
        let count = point.count as f64;
        let series = labels.set(METRIC_NAME, &name("_count")).build();
        self.push(series, count, when);
        labels.set(METRIC_NAME, &name("_bucket"));
        let mut below = f64::NEG_INFINITY;
        let mut sum = 0_u64;
        for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
            sum = sum.saturating_add(*count);
            let series = labels.set("le", &plain(*bound)).build();
            for exemplar in &exemplars {
                if exemplar.value > below && exemplar.value <= *bound {
                    self.exemplar(&series, exemplar.clone());
                }
            }
            self.push(series, sum as f64, when);
            below = *bound;
        }
        let series = labels.set("le", "+Inf").build();
        // NaN is above all bounds as well.
        for exemplar in exemplars {
            if exemplar.value > below || exemplar.value.is_nan() {
                self.exemplar(&series, exemplar);
            }
        }
        self.push(series, count, when);
        Ok(())
    }

    fn native(
        &mut self,
        family: &Family<'_>,
        point: &impl Point,
        histogram: Result<FloatHistogram, String>,
        sent: &[message::Exemplar<'_>],
        labels: &mut LabelsBuilder,
    ) -> Result<(), String> {
        let when = When::of(point);
        let labels = labels.set(METRIC_NAME, &family.name).build();
        if when.has_no_value {
            self.out.ended.push(Sample {
                series: SeriesRef::UNKNOWN,
                labels,
                timestamp_ms: when.timestamp_ms,
                value: STALE_NAN,
            });
            self.out.ended_points.push(self.point);
            return Ok(());
        }
        let histogram = histogram?;
        for exemplar in exemplars(sent, when)? {
            self.exemplar(&labels, exemplar);
        }
        let batch = &mut self.out.batch;
        if is_start(when) {
            let at = batch.histograms.len();
            batch.starts.histograms.push((at, when.start_ms));
        }
        batch.histograms.push(HistogramSample {
            series: SeriesRef::UNKNOWN,
            labels,
            timestamp_ms: when.timestamp_ms,
            histogram: Arc::new(histogram),
        });
        self.out.histogram_points.push(self.point);
        Ok(())
    }

    fn summary(
        &mut self,
        family: &Family<'_>,
        point: &SummaryPoint<'_>,
        labels: &mut LabelsBuilder,
    ) -> Result<(), String> {
        let when = When::of(point);
        for (suffix, value) in [("_sum", point.sum), ("_count", point.count as f64)] {
            let name = format!("{}{suffix}", family.name);
            let series = labels.set(METRIC_NAME, &name).build();
            self.push(series, value, when);
        }
        labels.set(METRIC_NAME, &family.name);
        for quantile in &point.quantile_values {
            let series = labels.set("quantile", &plain(quantile.quantile)).build();
            self.push(series, quantile.value, when);
        }
        Ok(())
    }

    fn push(&mut self, labels: Labels, value: f64, when: When) {
        let batch = &mut self.out.batch;
        if is_start(when) {
            let at = batch.samples.len();
            batch.starts.samples.push((at, when.start_ms));
        }
        batch.samples.push(Sample {
            series: SeriesRef::UNKNOWN,
            labels,
            timestamp_ms: when.timestamp_ms,
            value: when.value(value),
        });
        self.out.points.push(self.point);
    }

    fn exemplar(&mut self, series: &Labels, exemplar: Exemplar) {
        self.out.batch.exemplars.push(ExemplarSample {
            series: series.clone(),
            exemplar,
        });
    }

    /// What the resource is, for as long as its points are: from the first to the last one, often
    /// enough that a query finds it at any time in between.
    fn target_info(&mut self, resource: &ResourceMetrics<'_>, labeler: &mut Labeler<'_>) {
        let metrics = resource
            .scope_metrics
            .iter()
            .flat_map(|scope| &scope.metrics);
        let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
        for time_ms in metrics.flat_map(point_times) {
            if time_ms <= self.rules.newest_ms {
                (first_ms, last_ms) = (first_ms.min(time_ms), last_ms.max(time_ms));
            }
        }
        if first_ms > last_ms {
            return;
        }
        let labels = match labeler.target_info(&resource.resource.attributes) {
            Ok(Some(labels)) => labels,
            Ok(None) => return,
            Err(fault) => return self.out.faults.add(&fault, &"target_info"),
        };
        let step_ms = (self.rules.lookback_ms / 2).max(1);
        let count = (last_ms - first_ms + step_ms - 1) / step_ms;
        let skipped = (count - TARGET_INFO_SAMPLES_MAX + 1).max(0);
        let times = (skipped..count).map(|at| first_ms + at * step_ms);
        for timestamp_ms in times.chain([last_ms]) {
            let when = When {
                timestamp_ms,
                start_ms: 0,
                has_no_value: false,
            };
            self.push(labels.clone(), 1.0, when);
        }
    }
}

/// Whether the time that counting began at can be one.
fn is_start(when: When) -> bool {
    when.start_ms > 0 && when.start_ms <= when.timestamp_ms
}

/// What a metric is for its name, the word for its type, and its temporality where it has one.
fn described(metric: &Metric<'_>) -> Option<(NamedKind, &'static str, Option<Temporality>)> {
    Some(if metric.gauge.is_some() {
        (NamedKind::Gauge, "gauge", None)
    } else if let Some(Numbers {
        aggregation_temporality,
        is_monotonic,
        ..
    }) = &metric.sum
    {
        let (kind, word) = match is_monotonic {
            true => (NamedKind::Counter, "counter"),
            false => (NamedKind::Other, "gauge"),
        };
        (kind, word, Some(*aggregation_temporality))
    } else if let Some(points) = &metric.histogram {
        let temporality = points.aggregation_temporality;
        (NamedKind::Other, "histogram", Some(temporality))
    } else if let Some(points) = &metric.exponential_histogram {
        let temporality = points.aggregation_temporality;
        (NamedKind::Other, "histogram", Some(temporality))
    } else if metric.summary.is_some() {
        (NamedKind::Other, "summary", None)
    } else {
        return None;
    })
}

/// When each point of a metric is.
fn point_times<'m>(metric: &'m Metric<'_>) -> impl Iterator<Item = i64> + 'm {
    fn times<P: Point>(points: Option<&[P]>) -> impl Iterator<Item = i64> {
        points.unwrap_or_default().iter().map(Point::timestamp_ms)
    }
    let numbers = metric.gauge.as_ref().or(metric.sum.as_ref());
    times(numbers.map(|numbers| numbers.data_points.as_slice()))
        .chain(times(
            metric.histogram.as_ref().map(|p| p.data_points.as_slice()),
        ))
        .chain(times(
            metric
                .exponential_histogram
                .as_ref()
                .map(|p| p.data_points.as_slice()),
        ))
        .chain(times(
            metric.summary.as_ref().map(|p| p.data_points.as_slice()),
        ))
}

/// The attributes of a point of any kind.
trait Attributes {
    fn attributes(&self) -> &[message::KeyValue<'_>];
}

macro_rules! attributes {
    ($($name:ident),*) => {
        $(impl Attributes for $name<'_> {
            fn attributes(&self) -> &[message::KeyValue<'_>] {
                &self.attributes
            }
        })*
    };
}

attributes!(NumberPoint, HistogramPoint, ExponentialPoint, SummaryPoint);

/// The exemplars of a point. Attributes are left out where they would be longer than those of an
/// exemplar may be; the ids of trace and span come first.
fn exemplars(sent: &[message::Exemplar<'_>], when: When) -> Result<Vec<Exemplar>, String> {
    let exemplar = |sent: &message::Exemplar<'_>| {
        let value = sent.as_double.or(sent.as_int.map(|value| value as f64));
        let value = value.ok_or_else(|| "unsupported exemplar value type: Empty".to_owned())?;
        let mut labels = LabelsBuilder::default();
        let mut chars = 0;
        for (name, id) in [("trace_id", &sent.trace_id), ("span_id", &sent.span_id)] {
            if id.iter().any(|byte| *byte != 0) {
                let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
                chars += name.len() + id.len();
                labels.set(name, &id);
            }
        }
        let attributes = sent.filtered_attributes.iter();
        let texts = attributes.map(|pair| (&*pair.key, pair.value.text()));
        let texts: Vec<_> = texts.collect();
        let more = texts.iter();
        chars += more
            .map(|(name, value)| name.chars().count() + value.chars().count())
            .sum::<usize>();
        if chars <= EXEMPLAR_CHARS_MAX {
            for (name, value) in &texts {
                labels.set(name, value);
            }
        }
        Ok(Exemplar {
            labels: labels.build(),
            value,
            timestamp_ms: match message::milliseconds(sent.time_unix_nano) {
                0 => when.timestamp_ms,
                own => own,
            },
        })
    };
    sent.iter().map(exemplar).collect()
}

/// A number without an exponent, as Go's format `f` writes it.
fn plain(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
