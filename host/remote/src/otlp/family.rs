//! What the points of a metric share, and what a metric says of itself.

use narthex_model::histogram::CounterResetHint;

use super::labels::TypeAndUnit;
use super::message::{self, ExponentialPoint, HistogramPoint, Metric, NumberPoint, Numbers};
use super::message::{Point, SummaryPoint, Temporality};
use super::names::NamedKind;
use crate::receiver::cache::Key;
use crate::sender::MetricKind;

/// What the points of a metric share.
pub(super) struct Family<'m> {
    /// As it was sent.
    pub(super) sent: &'m str,
    /// As it is stored, without what its series append.
    pub(super) name: String,
    pub(super) said: TypeAndUnit<'m>,
    pub(super) temporality: Temporality,
    /// What counts from point to point is added up, and so counts from the start.
    pub(super) is_accumulated: bool,
    /// Tells it from the other metrics of all scopes and resources.
    pub(super) key: Key,
}

impl Family<'_> {
    pub(super) fn hint(&self) -> CounterResetHint {
        match self.temporality {
            Temporality::Delta if !self.is_accumulated => CounterResetHint::Gauge,
            _ => CounterResetHint::Unknown,
        }
    }
}

/// What a metric is.
pub(super) struct Described {
    /// For its name.
    pub(super) named: NamedKind,
    /// For its type.
    pub(super) kind: MetricKind,
    /// Where it has one.
    pub(super) temporality: Option<Temporality>,
}

/// What a metric is; nothing where it has no points of a kind that is known.
pub(super) fn described(metric: &Metric<'_>) -> Option<Described> {
    let of = |named, kind, temporality| {
        Some(Described {
            named,
            kind,
            temporality,
        })
    };
    if metric.gauge.is_some() {
        of(NamedKind::Gauge, MetricKind::Gauge, None)
    } else if let Some(Numbers {
        aggregation_temporality,
        is_monotonic,
        ..
    }) = &metric.sum
    {
        let (named, kind) = match is_monotonic {
            true => (NamedKind::Counter, MetricKind::Counter),
            false => (NamedKind::Other, MetricKind::Gauge),
        };
        of(named, kind, Some(*aggregation_temporality))
    } else if let Some(points) = &metric.histogram {
        let temporality = points.aggregation_temporality;
        of(NamedKind::Other, MetricKind::Histogram, Some(temporality))
    } else if let Some(points) = &metric.exponential_histogram {
        let temporality = points.aggregation_temporality;
        of(NamedKind::Other, MetricKind::Histogram, Some(temporality))
    } else if metric.summary.is_some() {
        of(NamedKind::Other, MetricKind::Summary, None)
    } else {
        None
    }
}

/// When each point of a metric is.
pub(super) fn point_times<'m>(metric: &'m Metric<'_>) -> impl Iterator<Item = i64> + 'm {
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
pub(super) trait Attributes {
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
