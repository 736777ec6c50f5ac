//! Aggregations that are evaluated where the samples are, so that their results travel and not the
//! series.
//!
//! It is not: what is evaluated, which only who knows queries knows. Here a part of a query is a text
//! and a place in it.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Queryable, Series};

/// Evenly spaced times, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The first one.
    pub start_ms: i64,
    /// From one to the next, at least 1.
    pub step_ms: i64,
    /// How many, at least 1.
    pub count: usize,
}

impl Steps {
    /// The last time.
    pub fn end_ms(self) -> i64 {
        let steps = i64::try_from(self.count.saturating_sub(1)).unwrap_or(i64::MAX);
        let after_ms = self.step_ms.saturating_mul(steps);
        self.start_ms.saturating_add(after_ms)
    }

    /// Which of the times this is; `None` where it is none of them.
    pub fn position(self, time_ms: i64) -> Option<usize> {
        let after_ms = time_ms.checked_sub(self.start_ms)?;
        let step_ms = self.step_ms.max(1);
        if after_ms % step_ms != 0 {
            return None;
        }
        let position = usize::try_from(after_ms / step_ms).ok()?;
        (position < self.count).then_some(position)
    }
}

/// An aggregation in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The whole query, so that what is said of a part has its place in it.
    pub query: String,
    /// The first byte of the aggregation.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
    /// Where the whole query starts, in milliseconds since the epoch.
    pub query_start_ms: i64,
    /// Where the whole query ends, in milliseconds since the epoch.
    pub query_end_ms: i64,
    /// From one time of the whole query to the next; 0 for an instant query.
    pub query_step_ms: i64,
    /// When the aggregation is evaluated.
    pub steps: Steps,
    /// How far an instant selector looks back.
    pub lookback_ms: i64,
    /// The step of subqueries without one.
    pub subquery_step_ms: i64,
    /// How long windows may be that are read in place of samples; `None` where that goes by the step
    /// and by ranges.
    pub max_resolution_ms: Option<i64>,
    /// Whether it is to be said of how many samples each result is: two averages are one only with
    /// that.
    pub with_counts: bool,
}

/// What a part has become.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// The results, at the times of [`Part::steps`] where there is one. From several places a label
    /// set may come several times.
    pub values: Vec<Series>,
    /// Where that was asked for, for each of [`Self::values`] a series with the same labels and times:
    /// of how many samples each is.
    pub counts: Vec<Series>,
    /// What may be meant differently, with its place in the query.
    pub infos: Vec<String>,
}

impl Partial {
    /// Takes in what another place made of the same part.
    pub fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
        self.counts.extend(other.counts);
        self.infos.extend(other.infos);
    }
}

/// What became of parts that all read the same series.
pub struct PushedDown {
    /// Of each part what others made of the series that they have.
    pub parts: Vec<Partial>,
    /// Where all other series are, which are to be read; `None` where there are none.
    pub rest: Option<Arc<dyn Queryable>>,
}

impl fmt::Debug for PushedDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedDown")
            .field("parts", &self.parts)
            .field("has_rest", &self.rest.is_some())
            .finish()
    }
}

/// Evaluates a part over a store, or says why it does not: then the series are to be read.
pub type EvaluatePart =
    dyn Fn(Arc<dyn Queryable>, Part) -> BoxFuture<'static, Result<Partial, String>> + Send + Sync;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_position_or_is_none_of_the_steps() {
        let steps = Steps {
            start_ms: 1_000,
            step_ms: 500,
            count: 3,
        };
        assert_eq!(steps.end_ms(), 2_000);
        for (time_ms, expected) in [
            (1_000, Some(0)),
            (2_000, Some(2)),
            (2_500, None),
            (1_250, None),
            (500, None),
            (i64::MIN, None),
        ] {
            assert_eq!(steps.position(time_ms), expected, "{time_ms}");
        }
    }
}
