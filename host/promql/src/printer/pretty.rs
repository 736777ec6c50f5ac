//! Long queries on several lines.

use super::{AggregateHead, BinaryHead, SubquerySuffix};
use crate::ast::{Expr, ExprKind};

/// An expression that fits so many bytes stays on one line.
const LINE_BYTES_MAX: usize = 100;

/// Prints an expression as `/api/v1/format_query` does.
pub fn pretty(expr: &Expr) -> String {
    at_level(expr, 0)
}

fn at_level(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let line = expr.to_string();
    let fits = line.len() <= LINE_BYTES_MAX;
    match &expr.kind {
        ExprKind::Unary(op, inner) => format!("{indent}{op}{}", at_level(inner, level).trim()),
        // As in the original, a short subquery is not indented.
        ExprKind::Subquery(_) if fits => line,
        ExprKind::Subquery(subquery) => {
            let inner = at_level(&subquery.expr, level);
            format!("{inner}{}", SubquerySuffix(subquery))
        }
        _ if fits => format!("{indent}{line}"),
        ExprKind::Aggregate(aggregate) => {
            let args: Vec<&Expr> = aggregate.param.iter().chain([&aggregate.expr]).collect();
            let head = AggregateHead(aggregate);
            format!("{indent}{head}(\n{}\n{indent})", lines(&args, level + 1))
        }
        ExprKind::Call(call) => {
            let args: Vec<&Expr> = call.args.iter().collect();
            let name = call.function.name;
            format!("{indent}{name}(\n{}\n{indent})", lines(&args, level + 1))
        }
        ExprKind::Binary(binary) => {
            let left = at_level(&binary.lhs, level + 1);
            let right = at_level(&binary.rhs, level + 1);
            format!("{left}\n{indent}{}\n{right}", BinaryHead(binary))
        }
        ExprKind::Paren(inner) => {
            format!("{indent}(\n{}\n{indent})", at_level(inner, level + 1))
        }
        ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::VectorSelector(_)
        | ExprKind::MatrixSelector(_) => format!("{indent}{line}"),
    }
}

fn lines(args: &[&Expr], level: usize) -> String {
    let args: Vec<String> = args.iter().map(|arg| at_level(arg, level)).collect();
    args.join(",\n")
}
