//! What `info()` reads: the info series that may belong to its argument.

use narthex_model::{METRIC_NAME, MatchOp, Matcher};
use narthex_storage::Wanted;

use super::resolution::Seen;
use super::{Node, Planner, Shift};
use crate::ast::{Call, Expr, ExprKind, RangeEdges, VectorSelector};
use crate::error::QueryError;
use crate::evaluate::grid::Grid;

/// The labels that a series and its info series agree in, sorted.
pub(crate) const IDENTIFYING: [&str; 2] = ["instance", "job"];
/// The info metric where none is named.
const TARGET_INFO: &str = "target_info";
/// What an info metric is called where it is only said which ones are not meant.
const ANY_INFO: &str = ".+_info";

/// `info(v, {data="..."})`
#[derive(Debug)]
pub(crate) struct Info {
    /// What is enriched.
    pub(crate) inner: Node,
    /// Which of the plan's requests reads the info series.
    pub(crate) request: usize,
    /// When the info series are looked at: as the first selector inside of `inner`.
    pub(crate) shift: Shift,
    /// How far they are looked back for.
    pub(crate) lookback_ms: i64,
    /// Which metrics are info metrics.
    pub(crate) names: Vec<Matcher>,
    /// Which labels are asked for, and with which values; none asks for all.
    pub(crate) data: Vec<Matcher>,
}

impl Planner {
    pub(super) fn info(&mut self, call: &Call, grid: Option<Grid>) -> Result<Info, QueryError> {
        let Some(argument) = call.args.first() else {
            return Err(QueryError::Execution("info() has no argument".to_owned()));
        };
        let inner = self.node(argument, grid)?;
        let given = match call.args.get(1).map(|selector| &selector.kind) {
            Some(ExprKind::VectorSelector(selector)) => selector.matchers.to_vec(),
            _ => Vec::new(),
        };
        let (names, data): (Vec<Matcher>, Vec<Matcher>) = given
            .into_iter()
            .partition(|matcher| matcher.name() == METRIC_NAME);
        let names = effective(names)?;
        let shift = match argument.selectors().first() {
            Some(first) => self.shift(&first.selector.shift)?,
            None => Shift::NONE,
        };
        let seen = Seen {
            grid: grid.unwrap_or(Grid::at(self.times.start_ms)),
            shift,
            range_ms: None,
            edges: RangeEdges::Plain,
            lookback_ms: self.options.lookback_ms,
        };
        let (seen, wanted) = match grid {
            Some(_) => self.coarsened(seen),
            None => (seen, Wanted::Samples),
        };
        let mut matchers = names.clone();
        matchers.extend_from_slice(&data);
        matchers.extend(identity(argument));
        let newest_only = true;
        Ok(Info {
            inner,
            request: self.request(
                matchers,
                seen.windows(),
                newest_only,
                grid.is_some(),
                wanted,
            ),
            shift,
            lookback_ms: seen.lookback_ms,
            names,
            data,
        })
    }
}

/// The matchers of the name, which are at least one: what excludes alone would leave every
/// series there is.
fn effective(names: Vec<Matcher>) -> Result<Vec<Matcher>, QueryError> {
    if names.iter().any(|matcher| !matcher.is_negative()) {
        return Ok(names);
    }
    if names.is_empty() {
        return Ok(vec![Matcher::equal(METRIC_NAME, TARGET_INFO)]);
    }
    let any = Matcher::new(METRIC_NAME, MatchOp::Regex, ANY_INFO);
    let any = any.map_err(|error| QueryError::Execution(error.to_string()))?;
    Ok([any].into_iter().chain(names).collect())
}

/// What the argument says of its identifying labels, where all of its series have them as they
/// are in the store. It saves reading info series of others.
fn identity(argument: &Expr) -> Vec<Matcher> {
    let Some(selector) = kept(argument) else {
        return Vec::new();
    };
    let is_identity =
        |matcher: &&Matcher| IDENTIFYING.contains(&matcher.name()) && !matcher.matches("");
    let matchers = selector.matchers.iter().filter(is_identity);
    matchers.cloned().collect()
}

/// The selector whose labels, but for the name, are those of the expression.
fn kept(expr: &Expr) -> Option<&VectorSelector> {
    match &expr.kind {
        ExprKind::VectorSelector(selector) => Some(selector),
        ExprKind::MatrixSelector(matrix) => Some(&matrix.selector),
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => kept(inner),
        ExprKind::Subquery(subquery) => kept(&subquery.expr),
        ExprKind::Call(call) => {
            let changes_labels = matches!(
                call.function.name,
                "absent"
                    | "absent_over_time"
                    | "histogram_quantiles"
                    | "info"
                    | "label_join"
                    | "label_replace"
            );
            let first = call.args.iter().find(|arg| kept(arg).is_some())?;
            if changes_labels { None } else { kept(first) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::{ParseOptions, parse};

    #[test]
    fn what_identifies_the_argument_also_selects_its_info_series() {
        for (argument, expected) in [
            (r#"x{job="a"}"#, "[job=\"a\"]"),
            (
                r#"x{job="a",instance!="",z="1"}"#,
                "[job=\"a\", instance!=\"\"]",
            ),
            (r#"x{job!="a"}"#, "[]"),
            (r#"-(rate(x{job="a"}[5m]))"#, "[job=\"a\"]"),
            (
                r#"quantile_over_time(0.5, x{job="a"}[5m:1m])"#,
                "[job=\"a\"]",
            ),
            (r#"label_replace(x{job="a"}, "job", "b", "", "")"#, "[]"),
            (r#"x{job="a"} * 2"#, "[]"),
            (r#"sum by (job) (x{job="a"})"#, "[]"),
        ] {
            let expr = parse(argument, &ParseOptions::all()).unwrap();
            assert_eq!(format!("{:?}", identity(&expr)), expected, "{argument}");
        }
    }

    #[test]
    fn names_that_only_exclude_mean_info_metrics() {
        let not = |value: &str| Matcher::new(METRIC_NAME, MatchOp::NotEqual, value).unwrap();
        for (names, expected) in [
            (vec![], r#"[__name__="target_info"]"#),
            (
                vec![not("x_info")],
                r#"[__name__=~".+_info", __name__!="x_info"]"#,
            ),
            (
                vec![not("a"), Matcher::equal(METRIC_NAME, "b")],
                r#"[__name__!="a", __name__="b"]"#,
            ),
        ] {
            assert_eq!(format!("{:?}", effective(names).unwrap()), expected);
        }
    }
}
