//! Queries by chance, most parts of which may be evaluated elsewhere.

use rand::RngExt;
use rand::rngs::StdRng;

fn one_of<'a>(random: &mut StdRng, all: &[&'a str]) -> &'a str {
    all[random.random_range(0..all.len())]
}

/// An aggregation, most of which may be evaluated elsewhere.
fn aggregation(random: &mut StdRng) -> String {
    let selector = one_of(
        random,
        &[
            "g",
            "g",
            "c_total",
            "c_total",
            "d_total",
            "h",
            "odd",
            r#"{__name__=~"c_total|d_total"}"#,
            r#"{__name__=~"g|h"}"#,
            r#"g{region="us"}"#,
            r#"g{region=~"eu|asia",job="a"}"#,
            r#"c_total{job!="a"}"#,
            r#"g{replica="a"}"#,
            "nothing",
        ],
    );
    let inner = one_of(
        random,
        &[
            "S",
            "S",
            "S offset 1m",
            "S @ 1700000300",
            "S @ end()",
            "-S",
            "S * 2",
            "S > 5",
            "5 < bool S",
            "abs(S)",
            "clamp_max(S, 3)",
            "timestamp(S)",
            "rate(S[5m])",
            "rate(S[5m])",
            "increase(S[3m] offset 30s)",
            "max_over_time(S[2m])",
            "count_over_time(S[4m])",
            "max_over_time(rate(S[1m])[5m:30s])",
            "histogram_count(rate(S[5m]))",
            r#"label_replace(S, "region", "", "", "")"#,
            r#"label_join(S, "instance", "", "job")"#,
        ],
    );
    let operator = one_of(
        random,
        &[
            "sum",
            "sum",
            "avg",
            "avg",
            "min",
            "max",
            "count",
            "group",
            "stddev",
            "topk(2,",
            "bottomk(3,",
            "quantile(0.5,",
            "topk(scalar(sum(nothing)),",
        ],
    );
    let grouping = one_of(
        random,
        &[
            "",
            "",
            " by (job)",
            " by (region)",
            " by (region, job)",
            " by (replica)",
            " without (instance)",
            " without (region)",
            " by (__name__)",
        ],
    );
    let inner = inner.replace('S', selector);
    match operator.split_once('(') {
        Some((operator, param)) => format!("{operator}{grouping} ({param} {inner})"),
        None => format!("{operator}{grouping} ({inner})"),
    }
}

/// A query of one or two aggregations.
pub(crate) fn query(random: &mut StdRng) -> String {
    let around = one_of(
        random,
        &[
            "A",
            "A",
            "A",
            "A / A",
            "A / B",
            "A or B",
            "A > 1",
            "A + on () group_left () sum(g)",
            "max_over_time((A)[5m:1m])",
            "sum by (job) (A)",
            "scalar(A) + 1",
            "absent(A)",
            "histogram_quantile(0.9, A)",
            "sort_desc(A)",
            "g - on (job) group_left () sum by (job) (g)",
        ],
    );
    let (first, second) = (aggregation(random), aggregation(random));
    let first_parts: Vec<&str> = around.split('A').collect();
    let text = first_parts.join(&first);
    // Aggregations have no capital B.
    text.replace('B', &second)
}
