//! The operators where a native histogram is on one side, or on both.

use std::sync::Arc;

use narthex_model::{CounterResetHint, FloatHistogram, histogram::Trim};

use super::Context;
use super::column::{Column, Fill, OutputSeries, SampleValue, Vector, is_number};
use super::operators::{self, Keep};
use crate::annotations::{Note, Notes};
use crate::ast::BinaryOp;

/// Unary minus: a histogram becomes a gauge.
pub(crate) fn negated<'a>(context: Context<'a>, vector: Vector<'a>) -> Vector<'a> {
    let series = vector.series.iter();
    let series: Vec<OutputSeries> = series.map(|series| context.renamed(series)).collect();
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        if !out.has_histograms() {
            for value in out.iter_mut().filter(|value| is_number(**value)) {
                *value = -*value;
            }
            return;
        }
        for step in 0..out.len() {
            let negated = out.sample(step).map(|value| match value {
                SampleValue::Number(value) => SampleValue::Number(-value),
                SampleValue::Histogram(histogram) => scaled(&histogram, |h| h.multiply(-1.0)),
            });
            out.set(step, negated);
        }
    });
    Vector { series, fill }
}

fn scaled(histogram: &FloatHistogram, scale: impl Fn(&mut FloatHistogram)) -> SampleValue {
    let mut histogram = histogram.clone();
    scale(&mut histogram);
    histogram.compact();
    SampleValue::Histogram(Arc::new(histogram))
}

/// Applies an operator to two columns of which one has histograms.
pub(crate) fn columns(
    op: BinaryOp,
    keep: Keep,
    (left, right): (&Column, &Column),
    out: &mut Column,
    notes: &mut Notes,
) {
    for step in 0..out.len() {
        let value = match (left.sample(step), right.sample(step)) {
            (Some(left), Some(right)) => one(op, keep, &left, &right, notes),
            _ => None,
        };
        out.set(step, value);
    }
}

/// Applies an operator to two samples.
pub(crate) fn one(
    op: BinaryOp,
    keep: Keep,
    left: &SampleValue,
    right: &SampleValue,
    notes: &mut Notes,
) -> Option<SampleValue> {
    match (left, right) {
        (SampleValue::Number(a), SampleValue::Number(b)) => {
            if trim(op).is_some() {
                notes.add(Note::FloatAndFloat);
                return None;
            }
            let value = operators::one(op, keep, *a, *b);
            is_number(value).then_some(SampleValue::Number(value))
        }
        (SampleValue::Number(factor), SampleValue::Histogram(histogram)) => {
            if op == BinaryOp::Mul {
                return Some(scaled(histogram, |h| h.multiply(*factor)));
            }
            notes.add(Note::FloatAndHistogram);
            None
        }
        (SampleValue::Histogram(histogram), SampleValue::Number(value)) => match (op, trim(op)) {
            (BinaryOp::Mul, _) => Some(scaled(histogram, |h| h.multiply(*value))),
            (BinaryOp::Div, _) => Some(scaled(histogram, |h| h.divide(*value))),
            (_, Some(trim)) => {
                let trimmed = histogram.trimmed(trim, *value);
                Some(SampleValue::Histogram(Arc::new(trimmed)))
            }
            _ => {
                notes.add(Note::HistogramAndFloat);
                None
            }
        },
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => two(op, keep, a, b, notes),
    }
}

/// What is kept of a histogram by the operators that trim.
fn trim(op: BinaryOp) -> Option<Trim> {
    match op {
        BinaryOp::TrimUpper => Some(Trim::KeepBelow),
        BinaryOp::TrimLower => Some(Trim::KeepAbove),
        _ => None,
    }
}

fn two(
    op: BinaryOp,
    keep: Keep,
    a: &Arc<FloatHistogram>,
    b: &Arc<FloatHistogram>,
    notes: &mut Notes,
) -> Option<SampleValue> {
    let (collide, reconciled) = match op {
        BinaryOp::Add => (Note::ResetsCollideInAddition, Note::ReconciledInAddition),
        BinaryOp::Sub => (
            Note::ResetsCollideInSubtraction,
            Note::ReconciledInSubtraction,
        ),
        BinaryOp::Eql | BinaryOp::Neq => {
            let holds = (a == b) == (op == BinaryOp::Eql);
            return match (keep, holds) {
                (Keep::Bool, holds) => Some(SampleValue::Number(f64::from(u8::from(holds)))),
                (_, false) => None,
                (_, true) => Some(SampleValue::Histogram(Arc::clone(a))),
            };
        }
        _ => {
            notes.add(Note::HistogramAndHistogram);
            return None;
        }
    };
    let mut result = FloatHistogram::clone(a);
    let combined = match op {
        BinaryOp::Add => result.add(b),
        _ => result.subtract(b),
    };
    let Ok(combined) = combined else {
        notes.add(Note::IncompatibleBuckets);
        return None;
    };
    if combined.resets_collide {
        notes.add(collide);
    }
    if combined.bounds_reconciled {
        notes.add(reconciled);
    }
    // A difference may have become smaller.
    if op == BinaryOp::Sub {
        result.counter_reset_hint = CounterResetHint::Gauge;
    }
    result.compact();
    Some(SampleValue::Histogram(Arc::new(result)))
}
