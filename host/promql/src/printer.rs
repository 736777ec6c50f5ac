//! Tree to text: a tree printed and parsed again is the same tree.
//!
//! `Display` puts a query on one line; [`pretty`] breaks long ones.

mod number;
mod pretty;
mod quote;

use std::fmt::{self, Display, Formatter, Write};

use narthex_model::{METRIC_NAME, MatchOp, Matcher, PromDuration, is_classic_label_name};

use crate::ast::{
    Aggregate, AtModifier, Binary, Cardinality, DurationArg, DurationExpr, DurationExprKind, Expr,
    ExprKind, MatrixSelector, NumberLiteral, RangeEdges, Subquery, TimeShift, VectorMatching,
    VectorSelector,
};

pub use number::{format_float, format_float_short};
pub use pretty::pretty;
pub use quote::quote;
pub(crate) use quote::quote_char;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => number.fmt(f),
            ExprKind::String(text) => f.write_str(&quote(text)),
            ExprKind::VectorSelector(selector) => selector.fmt(f),
            ExprKind::MatrixSelector(matrix) => matrix.fmt(f),
            ExprKind::Subquery(subquery) => {
                write!(f, "{}{}", subquery.expr, SubquerySuffix(subquery))
            }
            ExprKind::Aggregate(aggregate) => {
                write!(f, "{}(", AggregateHead(aggregate))?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            ExprKind::Binary(binary) => {
                write!(f, "{} {} {}", binary.lhs, BinaryHead(binary), binary.rhs)
            }
            ExprKind::Unary(op, inner) => write!(f, "{op}{inner}"),
            ExprKind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (index, arg) in call.args.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    arg.fmt(f)?;
                }
                f.write_char(')')
            }
            ExprKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.is_duration {
            return f.write_str(&format_float(self.value));
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "literal durations fit 63 bits of nanoseconds"
        )]
        let millis = (self.value * 1_000.0).round() as i64;
        SignedDuration(millis).fmt(f)
    }
}

/// Milliseconds as a duration with a sign.
struct SignedDuration(i64);

impl Display for SignedDuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_char('-')?;
        }
        PromDuration::from_millis(self.0.unsigned_abs()).fmt(f)
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        SelectorHead(self).fmt(f)?;
        write!(
            f,
            "{}{}{}",
            At(&self.shift),
            self.edges,
            Offset(&self.shift)
        )
    }
}

/// The name and the matchers of a selector.
struct SelectorHead<'a>(&'a VectorSelector);

impl Display for SelectorHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_deref();
        f.write_str(name.unwrap_or(""))?;
        let is_name = |matcher: &&Matcher| {
            matcher.name() == METRIC_NAME
                && matcher.op() == MatchOp::Equal
                && Some(matcher.value()) == name
        };
        let mut matchers: Vec<String> = self
            .0
            .matchers
            .iter()
            .filter(|matcher| !is_name(matcher))
            .map(|matcher| {
                let value = quote(matcher.value());
                format!("{}{}{value}", label(matcher.name()), matcher.op())
            })
            .collect();
        matchers.sort();
        match (matchers.is_empty(), name) {
            (true, Some(_)) => Ok(()),
            (true, None) => f.write_str("{}"),
            (false, _) => write!(f, "{{{}}}", matchers.join(",")),
        }
    }
}

impl Display for RangeEdges {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "",
            Self::Anchored => " anchored",
            Self::Smoothed => " smoothed",
        })
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let VectorSelector { shift, edges, .. } = &self.selector;
        let head = SelectorHead(&self.selector);
        let (at, offset) = (At(shift), Offset(shift));
        write!(f, "{head}[{}]{edges}{at}{offset}", self.range)
    }
}

/// The range of a subquery and what follows it.
struct SubquerySuffix<'a>(&'a Subquery);

impl Display for SubquerySuffix<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:", self.0.range)?;
        if let Some(step) = &self.0.step {
            step.fmt(f)?;
        }
        write!(f, "]{}{}", At(&self.0.shift), Offset(&self.0.shift))
    }
}

struct At<'a>(&'a TimeShift);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.at {
            None => Ok(()),
            #[allow(
                clippy::cast_precision_loss,
                reason = "printed as Prometheus prints it"
            )]
            Some(AtModifier::Timestamp(ms)) => write!(f, " @ {:.3}", ms as f64 / 1_000.0),
            Some(AtModifier::Start) => f.write_str(" @ start()"),
            Some(AtModifier::End) => f.write_str(" @ end()"),
        }
    }
}

struct Offset<'a>(&'a TimeShift);

impl Display for Offset<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.offset {
            None => Ok(()),
            Some(offset) => write!(f, " offset {offset}"),
        }
    }
}

impl Display for DurationArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(millis) => SignedDuration(*millis).fmt(f),
            Self::Computed(expr) => expr.fmt(f),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.wrapped {
            f.write_char('(')?;
        }
        match &self.kind {
            DurationExprKind::Number(number) => number.fmt(f),
            DurationExprKind::Step => f.write_str("step()"),
            DurationExprKind::Range => f.write_str("range()"),
            DurationExprKind::Unary(op, inner) => write!(f, "{op}{inner}"),
            DurationExprKind::Binary(op, left, right) => write!(f, "{left} {op} {right}"),
            DurationExprKind::MinOf(left, right) => write!(f, "min_of({left}, {right})"),
            DurationExprKind::MaxOf(left, right) => write!(f, "max_of({left}, {right})"),
        }?;
        if self.wrapped {
            f.write_char(')')?;
        }
        Ok(())
    }
}

/// An aggregation up to its parenthesis.
struct AggregateHead<'a>(&'a Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let grouping = &self.0.grouping;
        self.0.op.fmt(f)?;
        if grouping.without {
            write!(f, " without {} ", LabelList(&grouping.labels))
        } else if !grouping.labels.is_empty() {
            write!(f, " by {} ", LabelList(&grouping.labels))
        } else {
            Ok(())
        }
    }
}

/// An operator with its modifiers.
struct BinaryHead<'a>(&'a Binary);

impl Display for BinaryHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.op.fmt(f)?;
        if self.0.returns_bool {
            f.write_str(" bool")?;
        }
        match &self.0.matching {
            Some(matching) => matching.fmt(f),
            None => Ok(()),
        }
    }
}

impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.cardinality {
            Cardinality::ManyToOne => Some("left"),
            Cardinality::OneToMany => Some("right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if !self.labels.is_empty() || self.on || group.is_some() {
            let keyword = if self.on { "on" } else { "ignoring" };
            write!(f, " {keyword} {}", LabelList(&self.labels))?;
        }
        if let Some(side) = group {
            write!(f, " group_{side} {}", LabelList(&self.include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left == right => {
                write!(f, " fill ({})", format_float_short(left))
            }
            (left, right) => {
                if let Some(left) = left {
                    write!(f, " fill_left ({})", format_float_short(left))?;
                }
                if let Some(right) = right {
                    write!(f, " fill_right ({})", format_float_short(right))?;
                }
                Ok(())
            }
        }
    }
}

/// `(a, "b c")`
struct LabelList<'a>(&'a [String]);

impl Display for LabelList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.0.iter().map(|name| label(name)).collect();
        write!(f, "({})", labels.join(", "))
    }
}

/// The name of a label, quoted where it must be.
fn label(name: &str) -> String {
    if is_classic_label_name(name) {
        name.to_owned()
    } else {
        quote(name)
    }
}
