//! Exemplars: single observations that stand for what a series counts, such as the id of a trace.

use crate::Labels;

/// One exemplar.
#[derive(Debug, Clone)]
pub struct Exemplar {
    /// What it says, such as `trace_id`.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed, in milliseconds since the epoch; where its source does not say, when
    /// the sample was that it came with.
    pub timestamp_ms: i64,
}

/// Labels of an exemplar have at most so many characters, names and values together
/// (Prometheus' bound, which is that of OpenMetrics).
pub const EXEMPLAR_CHARS_MAX: usize = 128;

impl Exemplar {
    /// Whether its labels are as short as those of an exemplar have to be.
    pub fn is_short(&self) -> bool {
        let chars = |(name, value): (&str, &str)| name.chars().count() + value.chars().count();
        self.labels.iter().map(chars).sum::<usize>() <= EXEMPLAR_CHARS_MAX
    }
}

/// Equal in all bits.
impl PartialEq for Exemplar {
    fn eq(&self, other: &Self) -> bool {
        self.timestamp_ms == other.timestamp_ms
            && self.value.to_bits() == other.value.to_bits()
            && self.labels == other.labels
    }
}

/// An exemplar of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarSample {
    /// The series' whole label set, metric name included.
    pub series: Labels,
    /// The exemplar.
    pub exemplar: Exemplar,
}

/// Why the store left an exemplar out. Its sample is not affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExemplarRejection {
    /// The series has a newer one already, or one of the same time that sorts behind it.
    OutOfOrder,
    /// It is the newest one that the series has.
    Duplicate,
    /// Its labels are longer than [`EXEMPLAR_CHARS_MAX`].
    LongLabels,
    /// There is no such series.
    UnknownSeries,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        let of = |value: String| Exemplar {
            labels: Labels::from_pairs([("id", value.as_str())]),
            value: 1.0,
            timestamp_ms: 1,
        };
        assert!(of("ü".repeat(EXEMPLAR_CHARS_MAX - 2)).is_short());
        assert!(!of("u".repeat(EXEMPLAR_CHARS_MAX - 1)).is_short());
    }
}
