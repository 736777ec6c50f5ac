//! What Prometheus 3.14 means differently from 2.42 on purpose, and so Narthex too.
//!
//! Kept out of the questions, because they would be everywhere:
//!
//! - A window leaves its left end out since 3.0. No sample and no subquery's evaluation lies at
//!   the end of a window here (`data`, `sides`); subqueries are not nested.
//! - `le` and `quantile` are written as floats since 3.0 ("1" is stored as "1.0"). The series have
//!   them so.
//! - `holt_winters` has another name and is experimental; `first_over_time`, `mad_over_time`,
//!   `ts_of_...`, `limitk`, `info` and others are not in 2.42. None of them is called.
//! - Where a window begins before the first sample of a counter that is near zero, the rate is
//!   extrapolated to zero at most, by another rule than in 2.42. The counters here are far from it.
//! - Of equal values `topk` takes whichever it meets first. It is given stored gauges, all of them
//!   different.
//! - A dot in a regular expression matches a line break since 3.0. No label has one.
//! - 2.42 loses samples of a window that `@` fixes where the function looks at the time of the
//!   evaluation, from the second step of a range query on. `predict_linear` gets no such window, and
//!   `quantile_over_time` one quantile for all steps of it.
//! - `vector atan2 scalar` keeps the name in 2.42 and loses it today, as with other operators. It is
//!   not asked for.
//! - What date a NaN or an infinity is depends on the processor in both versions of Prometheus.
//!   Dates are asked of counters.
//! - `timestamp` of a selector with `@` and `offset` finds no sample in 2.42 at some steps where the
//!   selector itself does. It is given selectors without.
//! - An error of the parser says which parameter is invalid since 3.0. That is left out.
//! - Native histograms, annotations and durations that are computed are not in 2.42.
//!
//! What can be told from a question and its answers is told by [`known`].

use narthex_tests::Answer;

use crate::sides::Question;

/// The deliberate difference that explains why two answers are not the same.
pub(crate) fn known(question: &Question, ours: &Answer, theirs: &Answer) -> Option<&'static str> {
    let expression = question.expression.to_lowercase();
    let expression = expression.replace("stddev_over_time", "");
    let expression = expression.replace("stdvar_over_time", "");
    let has_spread = expression.contains("stddev") || expression.contains("stdvar");
    if has_spread && ours.has_nan() {
        return Some("the spread of a single value that is not finite was 0, and is NaN");
    }
    match (ours, theirs) {
        // 2.42 says in another order what is wrong, where two things are.
        (Answer::Error { kind: ours, .. }, Answer::Error { kind: theirs, .. })
            if ours == theirs && ours == "execution" =>
        {
            Some("an expression with two faults is refused for another of them")
        }
        _ => None,
    }
}
