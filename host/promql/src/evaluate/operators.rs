//! The operators on two numbers.

use crate::ast::BinaryOp;

use super::column::{ABSENT, is_absent};

/// What an arithmetic operator gives; `None` for another kind of operator.
pub(crate) fn arithmetic(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => return None,
    })
}

/// Whether a comparison holds; `None` for another kind of operator.
pub(crate) fn comparison(op: BinaryOp, a: f64, b: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Eql => a == b,
        BinaryOp::Neq => a != b,
        BinaryOp::Lss => a < b,
        BinaryOp::Lte => a <= b,
        BinaryOp::Gtr => a > b,
        BinaryOp::Gte => a >= b,
        _ => return None,
    })
}

/// Whether the result is no longer what its metric name says.
pub(crate) fn changes_metric(op: BinaryOp) -> bool {
    arithmetic(op, 1.0, 1.0).is_some()
}

/// Whether it is one of the operators that trim histograms.
pub(crate) fn is_trim(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

/// What a comparison that filters keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The left value.
    Left,
    /// The right value: where the left side is a scalar.
    Right,
    /// 1 where it holds and 0 where it does not (`bool`).
    Bool,
}

/// Applies an operator to two columns; a step without one of the values stays without.
pub(crate) fn columns(op: BinaryOp, keep: Keep, a: &[f64], b: &[f64], out: &mut [f64]) {
    match op {
        BinaryOp::Add => zip(a, b, out, |a, b| a + b),
        BinaryOp::Sub => zip(a, b, out, |a, b| a - b),
        BinaryOp::Mul => zip(a, b, out, |a, b| a * b),
        BinaryOp::Div => zip(a, b, out, |a, b| a / b),
        _ => zip(a, b, out, |a, b| one(op, keep, a, b)),
    }
}

fn zip(a: &[f64], b: &[f64], out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = if is_absent(*a) || is_absent(*b) {
            ABSENT
        } else {
            f(*a, *b)
        };
    }
}

/// Applies an operator to two values that are there.
pub(crate) fn one(op: BinaryOp, keep: Keep, a: f64, b: f64) -> f64 {
    let Some(holds) = comparison(op, a, b) else {
        return arithmetic(op, a, b).unwrap_or(ABSENT);
    };
    match (keep, holds) {
        (Keep::Bool, holds) => f64::from(u8::from(holds)),
        (_, false) => ABSENT,
        (Keep::Left, true) => a,
        (Keep::Right, true) => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_meet_step_by_step() {
        let (a, b) = ([1.0, ABSENT, 3.0], [2.0, 2.0, 2.0]);
        for (op, keep, expected) in [
            (BinaryOp::Add, Keep::Left, [3.0, ABSENT, 5.0]),
            (BinaryOp::Gtr, Keep::Left, [ABSENT, ABSENT, 3.0]),
            (BinaryOp::Gtr, Keep::Right, [ABSENT, ABSENT, 2.0]),
            (BinaryOp::Gtr, Keep::Bool, [0.0, ABSENT, 1.0]),
        ] {
            let mut out = [0.0; 3];
            columns(op, keep, &a, &b, &mut out);
            assert_eq!(
                out.map(f64::to_bits),
                expected.map(f64::to_bits),
                "{op:?} {keep:?}"
            );
        }
    }

    #[test]
    fn corners_of_arithmetic_are_those_of_go() {
        for (op, a, b, expected) in [
            (BinaryOp::Mod, -7.0, 3.0, -1.0),
            (BinaryOp::Pow, -1.0, f64::INFINITY, 1.0),
            (BinaryOp::Pow, f64::NAN, 0.0, 1.0),
            (BinaryOp::Div, 1.0, 0.0, f64::INFINITY),
        ] {
            assert_eq!(arithmetic(op, a, b), Some(expected), "{a} {op:?} {b}");
        }
    }
}
