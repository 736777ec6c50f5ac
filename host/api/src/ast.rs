//! `/api/v1/parse_query` and `/api/v1/format_query`: a query as a tree, with the names of
//! Prometheus' nodes, and as text.

use axum::extract::State;
use axum::response::Response;
use narthex_model::Matcher;
use narthex_promql::ast::{
    AtModifier, Cardinality, DurationArg, Expr, ExprKind, RangeEdges, TimeShift, ValueType,
    VectorSelector,
};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::params::Params;
use crate::{ApiState, envelope, json as text};

/// `/api/v1/format_query`
pub(crate) async fn format_query(
    State(state): State<ApiState>,
    params: Params,
) -> Result<Response, ApiError> {
    let expr = parse(&state, &params)?;
    Ok(envelope::success(&narthex_promql::pretty(&expr)))
}

/// `/api/v1/parse_query`
pub(crate) async fn parse_query(
    State(state): State<ApiState>,
    params: Params,
) -> Result<Response, ApiError> {
    let expr = parse(&state, &params)?;
    Ok(envelope::success(&translate(&expr)))
}

fn parse(state: &ApiState, params: &Params) -> Result<Expr, ApiError> {
    narthex_promql::parse(params.get("query"), &state.options().engine.parse)
        .map_err(|error| ApiError::invalid_parameter("query", error))
}

/// The tree of an expression. It is as large as the query, which is bounded by its request, so
/// it may stand in memory whole.
fn translate(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(literal) => {
            let mut value = Vec::new();
            text::push_plain(&mut value, literal.value);
            json!({"type": "numberLiteral", "val": String::from_utf8_lossy(&value)})
        }
        ExprKind::String(value) => json!({"type": "stringLiteral", "val": value}),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": translate(inner)}),
        ExprKind::Unary(op, inner) => {
            json!({"type": "unaryExpr", "op": op.to_string(), "expr": translate(inner)})
        }
        ExprKind::VectorSelector(selector) => {
            let mut node = json!({"type": "vectorSelector"});
            describe_selector(&mut node, selector);
            node
        }
        ExprKind::MatrixSelector(matrix) => {
            let mut node = json!({
                "type": "matrixSelector",
                "range": fixed_ms(&matrix.range),
            });
            describe_selector(&mut node, &matrix.selector);
            node
        }
        ExprKind::Subquery(subquery) => {
            let mut node = json!({
                "type": "subquery",
                "expr": translate(&subquery.expr),
                "range": fixed_ms(&subquery.range),
                "step": subquery.step.as_ref().map_or(0, fixed_ms),
            });
            describe_shift(&mut node, &subquery.shift);
            node
        }
        ExprKind::Aggregate(aggregate) => json!({
            "type": "aggregation",
            "op": aggregate.op.to_string(),
            "expr": translate(&aggregate.expr),
            "param": aggregate.param.as_ref().map(translate),
            "grouping": aggregate.grouping.labels,
            "without": aggregate.grouping.without,
        }),
        ExprKind::Binary(binary) => {
            let matching = binary.matching.as_ref().map(|matching| {
                json!({
                    "card": cardinality_name(matching.cardinality),
                    "labels": matching.labels,
                    "on": matching.on,
                    "include": matching.include,
                    "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
                })
            });
            json!({
                "type": "binaryExpr",
                "op": binary.op.to_string(),
                "lhs": translate(&binary.lhs),
                "rhs": translate(&binary.rhs),
                "matching": matching,
                "bool": binary.returns_bool,
            })
        }
        ExprKind::Call(call) => {
            let types = call.function.args.iter().copied().map(type_name);
            json!({
                "type": "call",
                "func": {
                    "name": call.function.name,
                    "argTypes": types.collect::<Vec<_>>(),
                    "variadic": call.function.variadic,
                    "returnType": type_name(call.function.returns),
                },
                "args": call.args.iter().map(translate).collect::<Vec<_>>(),
            })
        }
    }
}

fn describe_selector(node: &mut Value, selector: &VectorSelector) {
    node["name"] = selector.name.as_deref().unwrap_or("").into();
    // A name before the braces is the first matcher of ours and the last one of Prometheus; a
    // name in the braces has its place among the others in both.
    let before_braces = usize::from(selector.name.is_some()).min(selector.matchers.len());
    let (name, in_braces) = selector.matchers.split_at(before_braces);
    let matchers = in_braces.iter().chain(name).map(describe_matcher);
    node["matchers"] = matchers.collect();
    node["anchored"] = (selector.edges == RangeEdges::Anchored).into();
    node["smoothed"] = (selector.edges == RangeEdges::Smoothed).into();
    describe_shift(node, &selector.shift);
}

fn describe_matcher(matcher: &Matcher) -> Value {
    json!({
        "name": matcher.name(),
        "value": matcher.value(),
        "type": matcher.op().to_string(),
    })
}

fn describe_shift(node: &mut Value, shift: &TimeShift) {
    node["offset"] = shift.offset.as_ref().map_or(0, fixed_ms).into();
    let (timestamp, start_or_end) = match shift.at {
        None => (None, None),
        Some(AtModifier::Timestamp(timestamp_ms)) => (Some(timestamp_ms), None),
        Some(AtModifier::Start) => (None, Some("start")),
        Some(AtModifier::End) => (None, Some("end")),
    };
    node["timestamp"] = timestamp.into();
    node["startOrEnd"] = start_or_end.into();
}

/// The milliseconds of a duration; 0 for one that only an evaluation can tell, as in Prometheus.
fn fixed_ms(duration: &DurationArg) -> i64 {
    match duration {
        DurationArg::Fixed(milliseconds) => *milliseconds,
        DurationArg::Computed(_) => 0,
    }
}

fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Scalar => "scalar",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}

fn cardinality_name(cardinality: Cardinality) -> &'static str {
    match cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    }
}
