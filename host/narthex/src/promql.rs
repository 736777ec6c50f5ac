//! `narthex promql`: formats expressions, and changes the matchers of their selectors.
//!
//! It is not: what runs them, nor test scripts, which `narthex test promql` runs.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use narthex_model::{METRIC_NAME, MatchOp, Matcher};
use narthex_promql::ast::{Expr, ExprKind, VectorSelector};
use narthex_promql::{ParseOptions, parse, pretty};

/// What can be done with an expression.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PromqlCommand {
    /// Format PromQL query to pretty printed form.
    Format {
        /// PromQL query.
        #[arg(value_name = "QUERY")]
        query: String,
    },
    /// Edit label matchers contained within an existing PromQL query.
    LabelMatchers {
        /// What to do with them.
        #[command(subcommand)]
        what: LabelMatchersCommand,
    },
}

/// What can be done with the matchers.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum LabelMatchersCommand {
    /// Set a label matcher in the query.
    Set {
        /// Type of the label matcher to set.
        #[arg(short = 't', long = "type", value_name = "=", default_value = "=")]
        op: String,
        /// PromQL query.
        #[arg(value_name = "QUERY")]
        query: String,
        /// Name of the label matcher to set.
        #[arg(value_name = "NAME")]
        name: String,
        /// Value of the label matcher to set.
        #[arg(value_name = "VALUE")]
        value: String,
    },
    /// Delete a label from the query.
    Delete {
        /// PromQL query.
        #[arg(value_name = "QUERY")]
        query: String,
        /// Name of the label to delete.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Does it and prints the expression.
///
/// # Errors
/// The text is no expression, or what comes out of the change would be none.
pub(crate) fn run(command: &PromqlCommand) -> anyhow::Result<ExitCode> {
    let changed = match command {
        PromqlCommand::Format { query } => read(query)?,
        PromqlCommand::LabelMatchers { what } => match what {
            LabelMatchersCommand::Set {
                op,
                query,
                name,
                value,
            } => {
                let matcher = Matcher::new(name, match_op(op)?, value)?;
                with_matcher(read(query)?, &matcher)?
            }
            LabelMatchersCommand::Delete { query, name } => without_matcher(read(query)?, name)?,
        },
    };
    println!("{}", pretty(&changed));
    Ok(ExitCode::SUCCESS)
}

fn read(query: &str) -> anyhow::Result<Expr> {
    let read = parse(query, &ParseOptions::all());
    read.map_err(|error| anyhow!("{error}\n{}", marked(query, error.span.start)))
}

/// The line of a query that a server does not understand, with a mark where it says so: `LINE:COLUMN:
/// parse error`, columns in bytes. None where it says no place.
pub(crate) fn refused(query: &str, error: &str) -> Option<String> {
    let (before, _) = error.split_once(": parse error")?;
    let place = before.rsplit(' ').next()?;
    let (line, column) = place.split_once(':')?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let lines = query.split_inclusive('\n').take(line.checked_sub(1)?);
    let start: usize = lines.map(str::len).sum();
    Some(marked(query, start.checked_add(column.checked_sub(1)?)?))
}

/// The line of a query that a place is in, given in bytes, and a mark below the place.
fn marked(query: &str, at: usize) -> String {
    let (before, behind) = match query.split_at_checked(at) {
        Some(parts) => parts,
        None => (query, ""),
    };
    let line_before = before.rsplit('\n').next().unwrap_or_default();
    let line_behind = behind.split('\n').next().unwrap_or_default();
    let indent = line_before.chars().count();
    let line = format!("{line_before}{line_behind}").replace(char::is_control, " ");
    format!("{line}\n{:indent$}^", "")
}

fn match_op(text: &str) -> anyhow::Result<MatchOp> {
    let all = [
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ];
    let found = all.into_iter().find(|op| op.to_string() == text);
    found.ok_or_else(|| anyhow!("invalid label match type: {text}"))
}

/// In each selector: in the place of those of its label, or behind all others.
fn with_matcher(expr: Expr, matcher: &Matcher) -> anyhow::Result<Expr> {
    changed(expr, &|selector| {
        let is_it = |own: &Matcher| own.name() == matcher.name();
        // What stands before the braces is a matcher too, but can be nothing else than a name.
        if matcher.name() == METRIC_NAME && selector.name.is_some() {
            selector.name = (matcher.op() == MatchOp::Equal).then(|| matcher.value().to_owned());
        }
        let mut matchers: Vec<Matcher> = selector.matchers.to_vec();
        match matchers.iter().any(is_it) {
            true => {
                for own in matchers.iter_mut().filter(|own| is_it(own)) {
                    *own = matcher.clone();
                }
            }
            false => matchers.push(matcher.clone()),
        }
        selector.matchers = matchers.into();
    })
}

/// Each selector without those of a label.
fn without_matcher(expr: Expr, name: &str) -> anyhow::Result<Expr> {
    changed(expr, &|selector| {
        if name == METRIC_NAME {
            selector.name = None;
        }
        let kept = selector.matchers.iter().filter(|own| own.name() != name);
        selector.matchers = kept.cloned().collect();
    })
}

/// The expression with other selectors; it is read again, as it may be none any more.
fn changed(mut expr: Expr, change: &dyn Fn(&mut VectorSelector)) -> anyhow::Result<Expr> {
    each_selector(&mut expr, change);
    let text = expr.to_string();
    match parse(&text, &ParseOptions::all()) {
        Ok(changed) => Ok(changed),
        Err(error) => bail!("what comes out is no query: {text}: {error}"),
    }
}

fn each_selector(expr: &mut Expr, change: &dyn Fn(&mut VectorSelector)) {
    match &mut expr.kind {
        ExprKind::VectorSelector(selector) => change(selector),
        ExprKind::MatrixSelector(matrix) => change(&mut matrix.selector),
        _ => {}
    }
    for child in expr.children_mut() {
        each_selector(child, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(query: &str, name: &str, op: &str, value: &str) -> Result<String, String> {
        let matcher = Matcher::new(name, match_op(op).unwrap(), value).unwrap();
        let set = with_matcher(read(query).unwrap(), &matcher);
        set.map(|expr| pretty(&expr))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_read_is_shown_with_its_place() {
        for (query, expected) in [
            (
                "sum(rate(a[5m])by(b)",
                "sum(rate(a[5m])by(b)\n               ^",
            ),
            ("a +\n\tb c", "\u{20}b c\n   ^"),
            ("é{", "é{\n^"),
        ] {
            let error = read(query).unwrap_err().to_string();
            let (_, shown) = error.split_once('\n').unwrap();
            assert_eq!(shown, expected, "{error}");
        }
        assert_eq!(marked("é{", 2), "é{\n ^");
        assert_eq!(marked("a", 9), "a\n ^");
    }

    #[test]
    fn what_a_server_refuses_is_shown_with_its_place() {
        for (query, error, expected) in [
            (
                "sum(",
                "bad_data: invalid parameter \"query\": 1:5: parse error: unclosed",
                Some("sum(\n    ^"),
            ),
            (
                "a\n+ )b",
                "bad_data: 2:3: parse error: x",
                Some("+ )b\n  ^"),
            ),
            ("a", "1:99: parse error: x", Some("a\n ^")),
            ("a", "0:0: parse error: x", None),
            ("a", "execution: too many samples", None),
            ("a", "x: parse error: y", None),
        ] {
            assert_eq!(refused(query, error).as_deref(), expected, "{error}");
        }
    }

    #[test]
    fn matchers_are_set_in_every_selector() {
        for (query, changed) in [
            ("up", "up{job=\"x\"}"),
            ("up{job!=\"a\",b=\"c\"}", "up{b=\"c\",job=\"x\"}"),
            (
                "rate(a[5m]) / on (b) c offset 1m",
                "rate(a{job=\"x\"}[5m]) / on (b) c{job=\"x\"} offset 1m",
            ),
        ] {
            let set = set(query, "job", "=", "x").unwrap();
            let expected = pretty(&read(changed).unwrap());
            // The order of matchers says nothing.
            let sorted = |text: &str| {
                let mut chars: Vec<char> = text.chars().collect();
                chars.sort_unstable();
                chars
            };
            assert_eq!(sorted(&set), sorted(&expected), "{query}");
        }
        assert_eq!(set("up", "job", "=~", "a.*").unwrap(), "up{job=~\"a.*\"}");
        assert_eq!(set("up", "__name__", "=", "down").unwrap(), "down");
        assert!(match_op("==").is_err());
    }

    #[test]
    fn matchers_are_deleted_from_every_selector() {
        let delete = |query: &str, name: &str| {
            let deleted = without_matcher(read(query).unwrap(), name);
            deleted
                .map(|expr| pretty(&expr))
                .map_err(|error| error.to_string())
        };
        let query = "up{job=\"a\",b=\"c\"} + sum(up{job=~\"b.+\"})";
        assert_eq!(delete(query, "job").unwrap(), "up{b=\"c\"} + sum(up)");
        assert_eq!(delete("up", "job").unwrap(), "up");
        let refused = delete("{job=\"a\"}", "job").unwrap_err();
        assert!(
            refused.starts_with("what comes out is no query"),
            "{refused}"
        );
    }
}
