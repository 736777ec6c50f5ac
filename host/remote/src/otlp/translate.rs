//! A request as a batch of the store: which samples each point becomes.

mod points;

use narthex_model::WriteBatch;
use narthex_model::sample::STALE_NAN;

use super::config::OtlpConfig;
use super::delta::Streams;
use super::family::{Attributes, Described, Family, described, point_times};
use super::labels::TypeAndUnit;
use super::message::{ExponentialPoint, Metric, Point, Request, ResourceMetrics, Temporality};
use super::series::{Finder, PointLabels, ResourceLabels};
use super::{names, units};
use crate::metadata::ReceivedMetadata;
use crate::receiver::Faults;
use crate::receiver::cache::{Key, SeriesCache, ToLearn};

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
    /// When the request arrived.
    pub(super) now_ms: i64,
    /// Later samples are refused.
    pub(super) newest_ms: i64,
}

/// What a request is translated with.
pub(super) struct Tools<'t> {
    pub(super) config: &'t OtlpConfig,
    /// Which config it is: labels of another one are not found again.
    pub(super) config_number: u64,
    pub(super) rules: Rules,
    /// The series that are known.
    pub(super) cache: &'t SeriesCache,
    /// What is said of the metrics.
    pub(super) metadata: &'t ReceivedMetadata,
    /// Adds up what counts from point to point, where that is asked for.
    pub(super) streams: Option<&'t mut Streams>,
}

/// What a request became.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) batch: WriteBatch,
    /// The point that each sample of the batch comes from.
    pub(super) points: Vec<Option<usize>>,
    /// The point that each native histogram of the batch comes from.
    pub(super) histogram_points: Vec<Option<usize>>,
    /// How many points the request has.
    pub(super) point_count: usize,
    /// How many of them are refused.
    pub(super) refused: usize,
    pub(super) faults: Faults,
    /// The series whose references the store will tell.
    pub(super) to_learn: Vec<ToLearn>,
    /// How many label sets were made: the other series were known.
    pub(super) labels_made: u64,
    /// How many samples are of a metric whose metadata are not kept.
    pub(super) without_metadata: u64,
}

/// Translates a request.
pub(super) fn translate(tools: Tools<'_>, request: &Request<'_>) -> Translated {
    let finder = Finder::new(tools.cache);
    let root = finder.root(tools.config_number);
    let mut translator = Translator {
        tools,
        finder,
        out: Translated::default(),
        point: None,
        has_metadata: true,
    };
    for resource in &request.resource_metrics {
        translator.resource(root, resource);
    }
    let Translator {
        finder, mut out, ..
    } = translator;
    out.to_learn = finder.to_learn;
    out.labels_made = finder.made;
    let exemplars = &mut out.batch.exemplars;
    exemplars.sort_by_key(|sample| sample.exemplar.timestamp_ms);
    out
}

struct Translator<'t> {
    tools: Tools<'t>,
    finder: Finder<'t>,
    out: Translated,
    /// The point that samples come from.
    point: Option<usize>,
    /// The metric that samples are of has metadata.
    has_metadata: bool,
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
    fn resource(&mut self, root: Key, metrics: &ResourceMetrics<'_>) {
        let attributes = &metrics.resource.attributes;
        let resource = self.finder.resource(root, attributes);
        let mut labels = ResourceLabels::new(self.tools.config, attributes);
        for metrics in &metrics.scope_metrics {
            let scope = self.finder.scope(resource, metrics);
            labels.enter(metrics);
            for metric in &metrics.metrics {
                self.metric(scope, metric, &mut labels);
            }
        }
        self.has_metadata = true;
        self.target_info(resource, metrics, &mut labels);
    }

    fn metric(&mut self, scope: Key, metric: &Metric<'_>, labels: &mut ResourceLabels<'_>) {
        let Some(Described {
            named,
            kind,
            temporality,
        }) = described(metric)
        else {
            let fault = format!(
                "metric {:?} has no data of a kind that is known",
                metric.name
            );
            return self.out.faults.add_fault(&fault);
        };
        let rules = self.tools.rules;
        let is_delta = temporality == Some(Temporality::Delta);
        let is_accumulated = is_delta && self.tools.streams.is_some();
        let is_known = match temporality {
            None | Some(Temporality::Cumulative) => true,
            Some(Temporality::Delta) => rules.takes_delta || is_accumulated,
            Some(Temporality::Unspecified) => false,
        };
        if !is_known {
            let fault = "invalid temporality and type combination";
            return self.refuse_all([metric], fault);
        }
        let config = self.tools.config;
        let name = match names::metric(config, &metric.name, &metric.unit, named) {
            Ok(name) => name,
            Err(fault) => return self.refuse_all([metric], &fault),
        };
        let unit = units::label(&metric.unit, config.translation_strategy.escapes());
        let metadata = self.tools.metadata;
        self.has_metadata = metadata.note(&name, kind, &metric.description, &unit);
        let said = match rules.type_and_unit {
            // What counts from point to point has no name for its type yet.
            true if is_delta && !is_accumulated => TypeAndUnit {
                kind: "",
                unit: &metric.unit,
            },
            true => TypeAndUnit {
                kind: kind.name(),
                unit: &metric.unit,
            },
            false => TypeAndUnit::default(),
        };
        let family = Family {
            sent: &metric.name,
            name,
            said,
            temporality: temporality.unwrap_or_default(),
            is_accumulated,
            key: self.finder.metric(scope, metric, kind),
        };
        if let Some(numbers) = &metric.gauge {
            self.each(
                &family,
                &numbers.data_points,
                labels,
                |this, point, labels| this.gauge(point, labels),
            );
        } else if let Some(numbers) = &metric.sum {
            self.each(
                &family,
                &numbers.data_points,
                labels,
                |this, point, labels| this.sum(&family, point, labels),
            );
        } else if let Some(points) = &metric.histogram {
            self.each(
                &family,
                &points.data_points,
                labels,
                |this, point, labels| this.explicit(&family, point, labels),
            );
        } else if let Some(points) = &metric.exponential_histogram {
            self.each(
                &family,
                &points.data_points,
                labels,
                |this, point, labels| {
                    let point: &ExponentialPoint<'_> = point;
                    this.exponential(&family, point, labels)
                },
            );
        } else if let Some(points) = &metric.summary {
            self.each(
                &family,
                &points.data_points,
                labels,
                |this, point, labels| this.summary(point, labels),
            );
        }
    }

    /// Takes the points of a metric. One that cannot be taken costs itself.
    fn each<P: Point + Attributes>(
        &mut self,
        family: &Family<'_>,
        points: &[P],
        resource: &mut ResourceLabels<'_>,
        take: impl Fn(&mut Self, &P, &mut PointLabels<'_, '_>) -> Result<(), String>,
    ) {
        if points.is_empty() {
            let fault = format!("empty data points. {} is dropped", family.sent);
            return self.out.faults.add_fault(&fault);
        }
        for point in points {
            self.point = Some(self.out.point_count);
            self.out.point_count += 1;
            let attributes = point.attributes();
            let mut labels = PointLabels {
                key: self.finder.point(family.key, attributes),
                resource: &mut *resource,
                family,
                attributes,
                builder: None,
            };
            let taken = match point.timestamp_ms() > self.tools.rules.newest_ms {
                true => Err(IN_THE_FUTURE.to_owned()),
                false => take(self, point, &mut labels),
            };
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

    /// What the resource is, for as long as its points are: from the first to the last one, often
    /// enough that a query finds it at any time in between.
    fn target_info(
        &mut self,
        key: Key,
        resource: &ResourceMetrics<'_>,
        labels: &mut ResourceLabels<'_>,
    ) {
        let metrics = resource
            .scope_metrics
            .iter()
            .flat_map(|scope| &scope.metrics);
        let rules = self.tools.rules;
        let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
        for time_ms in metrics.flat_map(point_times) {
            if time_ms <= rules.newest_ms {
                (first_ms, last_ms) = (first_ms.min(time_ms), last_ms.max(time_ms));
            }
        }
        if first_ms > last_ms {
            return;
        }
        let found = match labels.target_info(&mut self.finder, key) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(fault) => return self.out.faults.add(&fault, &"target_info"),
        };
        let step_ms = (rules.lookback_ms / 2).max(1);
        let count = (last_ms - first_ms + step_ms - 1) / step_ms;
        let skipped = (count - TARGET_INFO_SAMPLES_MAX + 1).max(0);
        let times = (skipped..count).map(|at| first_ms + at * step_ms);
        for timestamp_ms in times.chain([last_ms]) {
            let when = When {
                timestamp_ms,
                start_ms: 0,
                has_no_value: false,
            };
            self.push(found.clone(), 1.0, when);
        }
    }
}
