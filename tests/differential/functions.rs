//! Which functions expressions call: those of Prometheus 2.42 that mean the same today.

use crate::expression::{Generator, Vector};

/// What a function takes beside its window.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument {
    None,
    /// A number from 0 to 1, before it.
    Quantile,
    /// Seconds, behind it.
    Seconds,
}

/// A function on a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverRange {
    pub(crate) name: &'static str,
    pub(crate) is_of_counters: bool,
    /// It gives one of the values or a count of them.
    pub(crate) is_exact: bool,
    pub(crate) argument: Argument,
}

const fn over(name: &'static str, is_of_counters: bool, is_exact: bool) -> OverRange {
    OverRange {
        name,
        is_of_counters,
        is_exact,
        argument: Argument::None,
    }
}

/// The functions on windows.
pub(crate) const OVER_RANGE: &[OverRange] = &[
    over("rate", true, false),
    over("rate", true, false),
    over("increase", true, false),
    over("irate", true, false),
    over("delta", false, false),
    over("idelta", false, true),
    over("changes", false, true),
    over("resets", true, true),
    over("deriv", false, false),
    over("avg_over_time", false, false),
    over("sum_over_time", false, false),
    over("min_over_time", false, true),
    over("max_over_time", false, true),
    over("count_over_time", false, true),
    over("stddev_over_time", false, false),
    over("stdvar_over_time", false, false),
    over("last_over_time", false, true),
    over("present_over_time", false, true),
    OverRange {
        name: "quantile_over_time",
        is_of_counters: false,
        is_exact: false,
        argument: Argument::Quantile,
    },
    OverRange {
        name: "predict_linear",
        is_of_counters: false,
        is_exact: false,
        argument: Argument::Seconds,
    },
];

/// Functions of one value that do not make a difference larger, which go into others as they come.
const SMOOTH: [&str; 12] = [
    "abs", "sqrt", "ln", "log2", "log10", "abs", "tanh", "asinh", "atan", "deg", "rad", "abs",
];
/// Functions of one value that may make a difference larger.
const STEEP: [&str; 9] = [
    "exp", "sin", "cos", "cosh", "sinh", "acos", "asin", "acosh", "atanh",
];
/// Functions of one value that jump.
const JUMPING: [&str; 4] = ["sgn", "ceil", "floor", "round"];
/// Parts of a date, and the time of a sample.
const DATES: [&str; 9] = [
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
    "days_in_month",
    "timestamp",
];

/// What labels are made of by an expression: a new label, one that is there, one that goes, one
/// that stays because nothing matches.
const LABEL_REPLACEMENTS: [&str; 7] = [
    r#""new", "$1-$2", "instance", "(inst).*-(.)""#,
    r#""instance", "${1}!", "instance", "(.*)""#,
    r#""job", "", "job", ".*-1""#,
    r#""new", "$9x", "missing", "()""#,
    r#""new", "x", "instance", "inst""#,
    r#""__name__", "renamed", "job", ".*""#,
    r#""new", "$name", "room", "(?P<name>r.*)-.""#,
];
/// The same by joining.
const LABEL_JOINS: [&str; 4] = [
    r#""new", "/", "job", "missing", "code""#,
    r#""instance", "-", "instance", "instance""#,
    r#""room", "", "missing""#,
    r#""new", ",""#,
];

/// A function of an instant vector.
pub(crate) fn of_vector(generator: &mut Generator<'_>, depth: usize) -> Vector {
    let inner = generator.vector(depth);
    let (text, is_exact) = (inner.text.clone(), inner.is_exact);
    match generator.dice.below(12) {
        0 => {
            let (low, high) = (generator.dice.below(50), 50 + generator.dice.below(50));
            Vector {
                text: format!("clamp({text}, {low}, {high})"),
                is_exact,
            }
        }
        1 => Vector {
            text: format!("clamp_min({text}, {})", generator.dice.below(100)),
            is_exact,
        },
        2 => Vector {
            text: format!(
                "label_replace({text}, {})",
                generator.dice.one(&LABEL_REPLACEMENTS)
            ),
            is_exact,
        },
        3 => Vector {
            text: format!("label_join({text}, {})", generator.dice.one(&LABEL_JOINS)),
            is_exact,
        },
        4 => Vector {
            text: format!("-({text})"),
            is_exact,
        },
        5 => Vector {
            text: format!("{}({text})", generator.dice.one(&["sort", "sort_desc"])),
            is_exact,
        },
        6 => Vector {
            text: format!("vector({})", generator.scalar(depth)),
            is_exact: false,
        },
        // What date a NaN is depends on the processor that Prometheus runs on.
        7 if is_exact => Vector {
            text: format!(
                "{}({})",
                generator.dice.one(&DATES),
                generator.finite().text
            ),
            is_exact: true,
        },
        8 if is_exact => Vector {
            text: format!("{}({text})", generator.dice.one(&JUMPING)),
            is_exact: true,
        },
        9 if is_exact => Vector {
            text: format!(
                "round({text}, {})",
                generator.dice.one(&["5", "0.25", "10", "-2", "0"])
            ),
            is_exact: true,
        },
        10 => Vector {
            text: format!("clamp_max({text}, {})", generator.scalar(0)),
            is_exact: false,
        },
        11 if is_exact && generator.dice.percent(60) => Vector {
            text: format!("{}({text})", generator.dice.one(&STEEP)),
            is_exact: false,
        },
        11 if generator.dice.percent(20) => Vector {
            // Of the time of the evaluation.
            text: format!("{}()", generator.dice.one(&DATES[..8])),
            is_exact: true,
        },
        _ => Vector {
            text: format!("{}({text})", generator.dice.one(&SMOOTH)),
            is_exact: false,
        },
    }
}
