//! The table of functions: what each takes and gives.
//!
//! It is not: what a function computes; that is the engine's.

use crate::ast::ValueType::{self, Matrix, Scalar, String, Vector};

/// A function's signature.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// The name in a query.
    pub name: &'static str,
    /// The types of its arguments.
    pub args: &'static [ValueType],
    /// 0: takes exactly `args`. n > 0: the last argument may be left out or repeated up to n
    /// times in all. -1: the last argument may be left out or repeated without end.
    pub variadic: i32,
    /// What it gives.
    pub returns: ValueType,
    /// Only there with `--enable-feature=promql-experimental-functions`.
    pub experimental: bool,
}

/// The function of this name. Names are case-sensitive.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS
        .binary_search_by(|function| function.name.cmp(name))
        .ok()
        .map(|at| &FUNCTIONS[at])
}

/// All functions of Prometheus 3.14, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    stable("abs", &[Vector], Vector),
    stable("absent", &[Vector], Vector),
    stable("absent_over_time", &[Matrix], Vector),
    stable("acos", &[Vector], Vector),
    stable("acosh", &[Vector], Vector),
    stable("asin", &[Vector], Vector),
    stable("asinh", &[Vector], Vector),
    stable("atan", &[Vector], Vector),
    stable("atanh", &[Vector], Vector),
    stable("avg_over_time", &[Matrix], Vector),
    stable("ceil", &[Vector], Vector),
    stable("changes", &[Matrix], Vector),
    stable("clamp", &[Vector, Scalar, Scalar], Vector),
    stable("clamp_max", &[Vector, Scalar], Vector),
    stable("clamp_min", &[Vector, Scalar], Vector),
    stable("cos", &[Vector], Vector),
    stable("cosh", &[Vector], Vector),
    stable("count_over_time", &[Matrix], Vector),
    stable("day_of_month", &[Vector], Vector).variadic(1),
    stable("day_of_week", &[Vector], Vector).variadic(1),
    stable("day_of_year", &[Vector], Vector).variadic(1),
    stable("days_in_month", &[Vector], Vector).variadic(1),
    stable("deg", &[Vector], Vector),
    stable("delta", &[Matrix], Vector),
    stable("deriv", &[Matrix], Vector),
    experimental(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
    ),
    experimental("end", &[], Scalar),
    stable("exp", &[Vector], Vector),
    stable("first_over_time", &[Matrix], Vector),
    stable("floor", &[Vector], Vector),
    stable("histogram_avg", &[Vector], Vector),
    stable("histogram_count", &[Vector], Vector),
    stable("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    stable("histogram_quantile", &[Scalar, Vector], Vector),
    experimental(
        "histogram_quantiles",
        &[Vector, String, Scalar, Scalar],
        Vector,
    )
    .variadic(9),
    stable("histogram_stddev", &[Vector], Vector),
    stable("histogram_stdvar", &[Vector], Vector),
    stable("histogram_sum", &[Vector], Vector),
    stable("hour", &[Vector], Vector).variadic(1),
    stable("idelta", &[Matrix], Vector),
    stable("increase", &[Matrix], Vector),
    experimental("info", &[Vector, Vector], Vector).variadic(1),
    stable("irate", &[Matrix], Vector),
    stable("label_join", &[Vector, String, String, String], Vector).variadic(-1),
    stable(
        "label_replace",
        &[Vector, String, String, String, String],
        Vector,
    ),
    stable("last_over_time", &[Matrix], Vector),
    stable("ln", &[Vector], Vector),
    stable("log10", &[Vector], Vector),
    stable("log2", &[Vector], Vector),
    experimental("mad_over_time", &[Matrix], Vector),
    experimental("max_of", &[Scalar, Scalar], Scalar),
    stable("max_over_time", &[Matrix], Vector),
    experimental("min_of", &[Scalar, Scalar], Scalar),
    stable("min_over_time", &[Matrix], Vector),
    stable("minute", &[Vector], Vector).variadic(1),
    stable("month", &[Vector], Vector).variadic(1),
    stable("pi", &[], Scalar),
    stable("predict_linear", &[Matrix, Scalar], Vector),
    stable("present_over_time", &[Matrix], Vector),
    stable("quantile_over_time", &[Scalar, Matrix], Vector),
    stable("rad", &[Vector], Vector),
    experimental("range", &[], Scalar),
    stable("rate", &[Matrix], Vector),
    stable("resets", &[Matrix], Vector),
    stable("round", &[Vector, Scalar], Vector).variadic(1),
    stable("scalar", &[Vector], Scalar),
    stable("sgn", &[Vector], Vector),
    stable("sin", &[Vector], Vector),
    stable("sinh", &[Vector], Vector),
    stable("sort", &[Vector], Vector),
    experimental("sort_by_label", &[Vector, String], Vector).variadic(-1),
    experimental("sort_by_label_desc", &[Vector, String], Vector).variadic(-1),
    stable("sort_desc", &[Vector], Vector),
    stable("sqrt", &[Vector], Vector),
    experimental("start", &[], Scalar),
    experimental("start_timestamp", &[Vector], Vector),
    stable("stddev_over_time", &[Matrix], Vector),
    stable("stdvar_over_time", &[Matrix], Vector),
    experimental("step", &[], Scalar),
    stable("sum_over_time", &[Matrix], Vector),
    stable("tan", &[Vector], Vector),
    stable("tanh", &[Vector], Vector),
    stable("time", &[], Scalar),
    stable("timestamp", &[Vector], Vector),
    experimental("ts_of_first_over_time", &[Matrix], Vector),
    experimental("ts_of_last_over_time", &[Matrix], Vector),
    experimental("ts_of_max_over_time", &[Matrix], Vector),
    experimental("ts_of_min_over_time", &[Matrix], Vector),
    stable("vector", &[Scalar], Vector),
    stable("year", &[Vector], Vector).variadic(1),
];

const fn stable(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Function {
    Function {
        name,
        args,
        variadic: 0,
        returns,
        experimental: false,
    }
}

const fn experimental(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
) -> Function {
    Function {
        experimental: true,
        ..stable(name, args, returns)
    }
}

impl Function {
    const fn variadic(self, variadic: i32) -> Self {
        Self { variadic, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_by_its_name() {
        for entry in FUNCTIONS {
            assert_eq!(function(entry.name), Some(entry), "{}", entry.name);
        }
        assert_eq!(function("Rate"), None);
        assert_eq!(function("holt_winters"), None);
    }

    #[test]
    fn the_table_is_sorted_and_has_no_name_twice() {
        for pair in FUNCTIONS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
    }
}
