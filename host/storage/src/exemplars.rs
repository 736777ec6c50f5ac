//! What a store answers of exemplars.

use narthex_model::{Exemplar, Labels, Matcher};

use crate::TimeRange;

/// Which exemplars: of the series that one of the selectors takes.
#[derive(Debug, Clone)]
pub struct ExemplarsRequest {
    /// Of each, all matchers must hold.
    pub selectors: Vec<Vec<Matcher>>,
    /// Exemplars outside are not returned.
    pub range: TimeRange,
}

/// The exemplars of one series, at least one, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// The series' whole label set.
    pub labels: Labels,
    /// In the order in which they came, which is that of time.
    pub exemplars: Vec<Exemplar>,
}
