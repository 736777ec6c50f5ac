//! Why an evaluation may fail for something that is not built yet, or not on by default.

use std::fmt;

use super::evaluation::Evaluation;
use super::load::Loaded;
use crate::ast::{BinaryOp, Expr, ExprKind, VectorSelector};
use crate::parser::{ParseOptions, parse};

/// What an evaluation needs beyond the stable language on numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needs {
    /// It reads or gives native histograms.
    NativeHistograms,
    /// It uses a part of the language, or start timestamps, that a flag switches on.
    Experimental,
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NativeHistograms => "native histograms",
            Self::Experimental => "an experimental feature",
        })
    }
}

/// Functions that give nothing for a series of numbers.
const HISTOGRAM_FUNCTIONS: [&str; 5] = [
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
];

/// What an evaluation needs, given what its script has loaded.
pub(super) fn of(evaluation: &Evaluation, loaded: &Loaded) -> Option<Needs> {
    let expr = &evaluation.expr;
    let selects = |test: &dyn Fn(&VectorSelector) -> bool| {
        expr.selectors().iter().any(|found| test(found.selector))
    };
    if evaluation.expectations.has_histogram()
        || uses_histograms(expr)
        || selects(&|selector| loaded.selects_histogram(&selector.matchers))
    {
        return Some(Needs::NativeHistograms);
    }
    let is_experimental = parse(&evaluation.query, &ParseOptions::default()).is_err();
    if is_experimental || selects(&|selector| loaded.selects_started(&selector.matchers)) {
        return Some(Needs::Experimental);
    }
    None
}

fn uses_histograms(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Call(call) => found |= HISTOGRAM_FUNCTIONS.contains(&call.function.name),
        ExprKind::Binary(binary) => {
            found |= matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        }
        _ => {}
    });
    found
}
