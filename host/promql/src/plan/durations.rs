//! Durations that are computed when a query starts, such as `[5m * step()]`.

use crate::ast::{BinaryOp, DurationArg, DurationExpr, DurationExprKind, UnaryOp};
use crate::error::QueryError;

use super::QueryTimes;

/// The length of a range or a step, in milliseconds.
pub(super) fn length_ms(arg: &DurationArg, times: QueryTimes) -> Result<i64, QueryError> {
    match arg {
        DurationArg::Fixed(ms) => Ok(*ms),
        DurationArg::Computed(expr) => {
            let seconds = seconds(expr, times)?;
            if seconds <= 0.0 {
                return Err(error("duration must be greater than 0"));
            }
            to_millis(seconds)
        }
    }
}

/// An offset, in milliseconds.
pub(super) fn offset_ms(arg: &DurationArg, times: QueryTimes) -> Result<i64, QueryError> {
    match arg {
        DurationArg::Fixed(ms) => Ok(*ms),
        DurationArg::Computed(expr) => to_millis(seconds(expr, times)?),
    }
}

fn error(text: &str) -> QueryError {
    QueryError::Execution(text.to_owned())
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a fraction of a millisecond is cut off, and the rest is in range"
)]
fn to_millis(seconds: f64) -> Result<i64, QueryError> {
    /// What fits into 63 bits of nanoseconds.
    const SECONDS_MAX: f64 = 9_223_372_036.0;
    if seconds.is_nan() || seconds.abs() > SECONDS_MAX {
        return Err(error("duration is out of range"));
    }
    Ok((seconds * 1000.0) as i64)
}

fn seconds(expr: &DurationExpr, times: QueryTimes) -> Result<f64, QueryError> {
    let value = |expr| seconds(expr, times);
    Ok(match &expr.kind {
        DurationExprKind::Number(number) => number.value,
        DurationExprKind::Step => times.step_seconds(),
        DurationExprKind::Range => times.range_seconds(),
        DurationExprKind::Unary(UnaryOp::Plus, inner) => value(inner)?,
        DurationExprKind::Unary(UnaryOp::Minus, inner) => -value(inner)?,
        DurationExprKind::MinOf(a, b) => value(a)?.min(value(b)?),
        DurationExprKind::MaxOf(a, b) => value(a)?.max(value(b)?),
        DurationExprKind::Binary(op, a, b) => binary(*op, value(a)?, value(b)?)?,
    })
}

fn binary(op: BinaryOp, a: f64, b: f64) -> Result<f64, QueryError> {
    match op {
        BinaryOp::Div if b == 0.0 => Err(error("division by zero")),
        BinaryOp::Mod if b == 0.0 => Err(error("modulo by zero")),
        _ => crate::evaluate::operators::arithmetic(op, a, b)
            .ok_or_else(|| error("unexpected duration expression operator")),
    }
}
