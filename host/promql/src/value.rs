//! What a query answers with. It is not the JSON of the API, which is written elsewhere.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Labels};

use crate::statistics::QueryStats;

/// A query's answer and what is to be said about it.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// The answer.
    pub value: Value,
    /// What is probably wrong, each `PromQL warning: ... (line:column)`; sorted.
    pub warnings: Vec<String>,
    /// What may be meant differently, each `PromQL info: ... (line:column)`; sorted.
    pub infos: Vec<String>,
    /// What it took.
    pub stats: QueryStats,
}

/// An answer.
#[derive(Debug, Clone)]
pub enum Value {
    /// One number.
    Scalar {
        /// The time of the evaluation, in milliseconds.
        timestamp_ms: i64,
        /// The number.
        value: f64,
    },
    /// One text.
    String {
        /// The time of the evaluation, in milliseconds.
        timestamp_ms: i64,
        /// The text.
        value: String,
    },
    /// One sample a series. The order counts where the query sorts.
    Vector(Vec<VectorSample>),
    /// Many samples a series, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}

/// A series and its one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// The label set.
    pub labels: Labels,
    /// The time of the evaluation, in milliseconds.
    pub timestamp_ms: i64,
    /// The value; no number to compute with where there is a histogram.
    pub value: f64,
    /// The value where it is a native histogram.
    pub histogram: Option<Arc<FloatHistogram>>,
}

/// A series and its samples, at least one: numbers in columns of the same length, and native
/// histograms.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// The label set.
    pub labels: Labels,
    /// Milliseconds since the epoch, ascending.
    pub timestamps: Vec<i64>,
    /// The values.
    pub values: Vec<f64>,
    /// The native histograms and their times, which ascend.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

impl MatrixSeries {
    /// How many samples it counts for where the memory of a query is bounded.
    pub(crate) fn samples(&self) -> usize {
        let histograms = self.histograms.iter();
        self.values.len() + histograms.map(|(_, h)| h.samples()).sum::<usize>()
    }
}
