//! `/api/v1/features`: what this server can do, by category, and whether it is switched on.
//!
//! It is not: where anything is switched. What the API cannot know comes with its options.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use narthex_promql::functions::FUNCTIONS;
use narthex_template::prometheus::function_names;

use crate::state::Serving;
use crate::{ApiState, envelope};

/// Names and whether they are switched on, by category, in Prometheus' words.
pub type FeatureList = BTreeMap<&'static str, BTreeMap<&'static str, bool>>;

/// What the language has always: modifiers and keywords.
const PROMQL: &[&str] = &[
    "at_modifier",
    "bool",
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "negative_offset",
    "offset",
    "on",
    "per_query_lookback_delta",
    "subqueries",
    "without",
];

/// The operators and aggregations that the language has always.
const OPERATORS: &[&str] = &[
    "!=",
    "!~",
    "%",
    "*",
    "+",
    "-",
    "/",
    "<",
    "<=",
    "==",
    "=~",
    ">",
    ">=",
    "@",
    "^",
    "and",
    "atan2",
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "max",
    "min",
    "or",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
];

/// The aggregations that come with experimental functions.
const EXPERIMENTAL_OPERATORS: &[&str] = &["limit_ratio", "limitk"];

/// What the API has always.
const API: &[&str] = &[
    "exclude_alerts",
    "label_values_match",
    "query_stats",
    "query_warnings",
    "time_range_labels",
    "time_range_series",
];

/// `/api/v1/features`
pub(crate) async fn features(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Response {
    envelope::success(&list(&state, &serving))
}

fn list(state: &ApiState, serving: &Serving) -> FeatureList {
    let options = state.options();
    let mut features = options.features.clone();
    let mut add = |category, name, is_on| {
        let category: &mut BTreeMap<_, _> = features.entry(category).or_default();
        category.insert(name, is_on);
    };
    for name in API {
        add("api", *name, true);
    }
    add("api", "admin", options.is_admin_enabled);
    add("api", "lifecycle", options.is_lifecycle_enabled);
    add("api", "remote_write_receiver", serving.receiver.is_some());
    add("api", "otlp_write_receiver", serving.otlp.is_some());
    add("prometheus", "agent_mode", options.is_agent);
    add("prometheus", "server_mode", !options.is_agent);
    let (engine, parse) = (&options.engine, &options.engine.parse);
    for name in PROMQL {
        add("promql", *name, true);
    }
    for (name, is_on) in [
        ("anchored", parse.extended_range_selectors),
        ("smoothed", parse.extended_range_selectors),
        ("duration_expr", parse.duration_expressions),
        ("fill", parse.binop_fill_modifiers),
        ("fill_left", parse.binop_fill_modifiers),
        ("fill_right", parse.binop_fill_modifiers),
        ("delayed_name_removal", engine.delayed_name_removal),
        ("per_step_stats", engine.per_step_stats),
        ("type_and_unit_labels", engine.type_and_unit_labels),
        ("use_start_timestamps", engine.use_start_timestamps),
    ] {
        add("promql", name, is_on);
    }
    for function in FUNCTIONS {
        let is_on = !function.experimental || parse.experimental_functions;
        add("promql_functions", function.name, is_on);
    }
    for name in OPERATORS {
        add("promql_operators", *name, true);
    }
    for name in EXPERIMENTAL_OPERATORS {
        add("promql_operators", *name, parse.experimental_functions);
    }
    for name in function_names() {
        add("templating_functions", name, true);
    }
    features
}
