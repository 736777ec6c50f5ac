//! Queries of an object's rules that may select nothing but what has a label: whoever writes rules in
//! one namespace reads nothing of another.
//!
//! It is not: the labels of what rules give, which `narthex-operator` writes.

use narthex_model::Matcher;
use narthex_promql::ast::{Expr, ExprKind};
use narthex_promql::{ParseError, ParseOptions};
use narthex_rules::RuleGroups;

/// Puts the label into every selector of every query, in place of what stands there of it.
///
/// # Errors
/// A query cannot be read: then with its place, `spec.groups[0].rules[0].expr`.
pub(super) fn enforce(
    groups: &mut RuleGroups,
    (label, value): &(String, String),
    options: &ParseOptions,
) -> Result<(), (String, ParseError)> {
    let matcher = Matcher::equal(label, value);
    for (group, rules) in groups.groups.iter_mut().enumerate() {
        for (rule, one) in rules.rules.iter_mut().enumerate() {
            let mut expr = narthex_promql::parse(&one.expr, options)
                .map_err(|error| (format!("spec.groups[{group}].rules[{rule}].expr"), error))?;
            restrict(&mut expr, &matcher);
            one.expr = expr.to_string();
        }
    }
    Ok(())
}

fn restrict(expr: &mut Expr, matcher: &Matcher) {
    let selector = match &mut expr.kind {
        ExprKind::VectorSelector(selector) => Some(selector),
        ExprKind::MatrixSelector(matrix) => Some(&mut matrix.selector),
        _ => None,
    };
    if let Some(selector) = selector {
        let others = selector.matchers.iter();
        let others = others.filter(|other| other.name() != matcher.name());
        selector.matchers = others.chain([matcher]).cloned().collect();
    }
    for child in expr.children_mut() {
        restrict(child, matcher);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_selector_has_the_label_and_no_other_value_of_it() {
        for (expr, expected) in [
            ("up", r#"up{namespace="a"}"#),
            ("1", "1"),
            (
                r#"up{namespace="b",job="x"}"#,
                r#"up{job="x",namespace="a"}"#,
            ),
            (
                r#"{namespace=~".*",__name__="up"}"#,
                r#"{__name__="up",namespace="a"}"#,
            ),
            (
                "sum by (x) (rate(up[5m])) / on (x) group_left (y) max_over_time(b[1h:1m])",
                r#"sum by (x) (rate(up{namespace="a"}[5m])) / on (x) group_left (y) max_over_time(b{namespace="a"}[1h:1m])"#,
            ),
            (
                "topk(scalar(n), up)",
                r#"topk(scalar(n{namespace="a"}), up{namespace="a"})"#,
            ),
            ("-(up offset 5m)", r#"-(up{namespace="a"} offset 5m)"#),
            ("absent(up)", r#"absent(up{namespace="a"})"#),
        ] {
            let groups = json!({"groups": [{"name": "g", "rules": [
                {"record": "r", "expr": expr}]}]});
            let mut groups: RuleGroups = serde_json::from_value(groups).unwrap();
            let label = ("namespace".to_owned(), "a".to_owned());
            enforce(&mut groups, &label, &ParseOptions::all()).unwrap();
            assert_eq!(groups.groups[0].rules[0].expr, expected, "{expr}");
            // What was written is read as the same.
            let again = groups.clone();
            enforce(&mut groups, &label, &ParseOptions::all()).unwrap();
            assert_eq!(groups, again);
        }
    }
}
