//! What there is to say of native histograms.

use super::{Annotations, for_metric};
use crate::ast::Span;
use crate::printer::quote;

/// Something to say of native histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// A window has numbers and histograms. Of a metric.
    MixedRange,
    /// A group has numbers and histograms.
    MixedAggregation,
    /// Buckets as series and a native histogram under the same labels. Of a metric.
    MixedClassicNative,
    /// A rate of a gauge. Of a metric.
    NotCounter,
    /// A difference of a counter. Of a metric.
    NotGauge,
    /// Exponential and custom buckets do not go together. Of a metric.
    MixedSchemas,
    /// Histograms among numbers were left out. Of a metric.
    IgnoredInRange,
    /// Histograms were left out. Of an aggregation.
    IgnoredInAggregation,
    /// Two numbers. Of an operator.
    FloatAndFloat,
    /// A number, then a histogram. Of an operator.
    FloatAndHistogram,
    /// A histogram, then a number. Of an operator.
    HistogramAndFloat,
    /// Two histograms. Of an operator.
    HistogramAndHistogram,
    /// Buckets that do not go together. Of an operator.
    IncompatibleBuckets,
    /// A quantile is NaN for NaN observations. Of a metric.
    NanQuantile,
    /// NaN observations took a quantile up. Of a metric.
    SkewedQuantile,
    /// NaN observations are in no fraction. Of a metric.
    NanFraction,
    /// Hints contradict each other.
    ResetsCollideInAddition,
    /// Hints contradict each other.
    ResetsCollideInSubtraction,
    /// Hints contradict each other.
    ResetsCollideInAggregation,
    /// Custom bounds were brought to those that all have.
    ReconciledInAddition,
    /// Custom bounds were brought to those that all have.
    ReconciledInSubtraction,
    /// Custom bounds were brought to those that all have.
    ReconciledInAggregation,
    /// The counting of a sample began before the sample before it was taken. Of a metric.
    StartOverlaps,
}

/// All notes, in the order of their bits.
const ALL: [Note; 23] = [
    Note::MixedRange,
    Note::MixedAggregation,
    Note::MixedClassicNative,
    Note::NotCounter,
    Note::NotGauge,
    Note::MixedSchemas,
    Note::IgnoredInRange,
    Note::IgnoredInAggregation,
    Note::FloatAndFloat,
    Note::FloatAndHistogram,
    Note::HistogramAndFloat,
    Note::HistogramAndHistogram,
    Note::IncompatibleBuckets,
    Note::NanQuantile,
    Note::SkewedQuantile,
    Note::NanFraction,
    Note::ResetsCollideInAddition,
    Note::ResetsCollideInSubtraction,
    Note::ResetsCollideInAggregation,
    Note::ReconciledInAddition,
    Note::ReconciledInSubtraction,
    Note::ReconciledInAggregation,
    Note::StartOverlaps,
];

/// What is to be said of a column; collected, so that a text is made once and not at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Notes(u32);

impl Notes {
    /// Takes a note.
    #[inline]
    pub(crate) fn add(&mut self, note: Note) {
        self.0 |= 1 << note as u32;
    }

    /// Takes all of the other notes.
    pub(crate) fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Says it all, of a metric, an operator or an aggregation.
    pub(crate) fn report(self, annotations: &Annotations, span: Span, subject: &str) {
        if self.0 == 0 {
            return;
        }
        for note in ALL {
            if self.0 & (1 << note as u32) != 0 {
                annotations.note(span, note, subject);
            }
        }
    }
}

impl Annotations {
    fn note(&self, span: Span, note: Note, subject: &str) {
        let warning = |text: String| self.warning(span, &text);
        let info = |text: String| self.info(span, &text);
        let mix = "encountered a mix of histograms and floats for";
        let types = |left: &str, right: &str| {
            format!(
                "incompatible sample types encountered for binary operator {}: {left} {subject} \
                 {right}",
                quote(subject)
            )
        };
        match note {
            Note::MixedRange => warning(format!("{mix} metric name {}", quote(subject))),
            Note::MixedAggregation => warning(format!("{mix} aggregation")),
            Note::MixedClassicNative => warning(format!(
                "vector contains a mix of classic and native histograms{}",
                for_metric(subject)
            )),
            Note::NotCounter => warning(format!(
                "this native histogram metric is not a counter: {}",
                quote(subject)
            )),
            Note::NotGauge => warning(format!(
                "this native histogram metric is not a gauge: {}",
                quote(subject)
            )),
            Note::MixedSchemas => warning(format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas \
                 for metric name {}",
                quote(subject)
            )),
            Note::IgnoredInRange => info(format!(
                "ignored histograms in a range containing both floats and histograms for metric \
                 name {}",
                quote(subject)
            )),
            Note::IgnoredInAggregation => {
                info(format!("ignored histogram in {subject} aggregation"));
            }
            Note::FloatAndFloat => info(types("float", "float")),
            Note::FloatAndHistogram => info(types("float", "histogram")),
            Note::HistogramAndFloat => info(types("histogram", "float")),
            Note::HistogramAndHistogram => info(types("histogram", "histogram")),
            Note::IncompatibleBuckets => warning(format!(
                "incompatible bucket layout encountered for binary operator {subject}"
            )),
            Note::NanQuantile => info(format!(
                "input to histogram_quantile has NaN observations, result is NaN{}",
                for_metric(subject)
            )),
            Note::SkewedQuantile => info(format!(
                "input to histogram_quantile has NaN observations, result is skewed higher{}",
                for_metric(subject)
            )),
            Note::NanFraction => info(format!(
                "input to histogram_fraction has NaN observations, which are excluded from all \
                 fractions{}",
                for_metric(subject)
            )),
            Note::ResetsCollideInAddition => warning(collision("addition")),
            Note::ResetsCollideInSubtraction => warning(collision("subtraction")),
            Note::ResetsCollideInAggregation => warning(collision("aggregation")),
            Note::ReconciledInAddition => info(reconciled("addition")),
            Note::ReconciledInSubtraction => info(reconciled("subtraction")),
            Note::ReconciledInAggregation => info(reconciled("aggregation")),
            Note::StartOverlaps => warning(format!(
                "sample has start time that overlaps with previous sample timestamp for metric {}",
                quote(subject)
            )),
        }
    }
}

fn collision(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_note_is_said_once_with_its_subject() {
        let annotations = Annotations::default();
        let mut notes = Notes::default();
        notes.add(Note::MixedRange);
        notes.add(Note::IgnoredInRange);
        let span = Span { start: 5, end: 6 };
        notes.report(&annotations, span, "x");
        notes.report(&annotations, span, "x");
        let mut notes = Notes::default();
        notes.add(Note::HistogramAndFloat);
        notes.report(&annotations, Span::default(), "+");
        let (warnings, infos) = annotations.finish("rate(x[1m])");
        assert_eq!(
            warnings,
            [
                "PromQL warning: encountered a mix of histograms and floats for metric name \"x\" (1:6)"
            ]
        );
        assert_eq!(
            infos,
            [
                "PromQL info: incompatible sample types encountered for binary operator \"+\": \
                 histogram + float (1:1)",
                "PromQL info: ignored histograms in a range containing both floats and histograms \
                 for metric name \"x\" (1:6)",
            ]
        );
    }

    #[test]
    fn every_note_has_its_bit() {
        for (bit, note) in ALL.into_iter().enumerate() {
            assert_eq!(note as usize, bit, "{note:?}");
        }
    }
}
