//! Ways through the tree.

use super::{Expr, ExprKind, RangeEdges, Span, TimeShift, ValueType, VectorSelector};

/// A selector in the tree, whether it has a range or not.
#[derive(Debug, Clone, Copy)]
pub struct Selector<'a> {
    /// The series.
    pub selector: &'a VectorSelector,
    /// The whole expression, range and modifiers included.
    pub span: Span,
    /// Whether it has a range.
    pub has_range: bool,
}

impl Expr {
    /// What it evaluates to.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::VectorSelector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::MatrixSelector(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Call(call) => call.function.returns,
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => inner.value_type(),
            ExprKind::Binary(binary) => {
                let scalar = |expr: &Self| expr.value_type() == ValueType::Scalar;
                if scalar(&binary.lhs) && scalar(&binary.rhs) {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
        }
    }

    /// The expressions right below it, in the order of the query.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::VectorSelector(_)
            | ExprKind::MatrixSelector(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Aggregate(aggregate) => {
                aggregate.param.iter().chain([&aggregate.expr]).collect()
            }
            ExprKind::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => vec![inner],
            ExprKind::Call(call) => call.args.iter().collect(),
        }
    }

    /// As [`children`](Self::children), to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::VectorSelector(_)
            | ExprKind::MatrixSelector(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&mut subquery.expr],
            ExprKind::Aggregate(aggregate) => aggregate
                .param
                .iter_mut()
                .chain([&mut aggregate.expr])
                .collect(),
            ExprKind::Binary(binary) => vec![&mut binary.lhs, &mut binary.rhs],
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => vec![inner],
            ExprKind::Call(call) => call.args.iter_mut().collect(),
        }
    }

    /// Shows each expression of the tree to `visit`, this one first, each before its children.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// All selectors of the tree, in the order of the query.
    pub fn selectors(&self) -> Vec<Selector<'_>> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            let (selector, has_range) = match &expr.kind {
                ExprKind::VectorSelector(selector) => (selector, false),
                ExprKind::MatrixSelector(matrix) => (&matrix.selector, true),
                _ => return,
            };
            found.push(Selector {
                selector,
                span: expr.span,
                has_range,
            });
        });
        found
    }

    /// `offset` and `@`, of an expression that may have them.
    pub fn shift_mut(&mut self) -> Option<&mut TimeShift> {
        match &mut self.kind {
            ExprKind::VectorSelector(selector) => Some(&mut selector.shift),
            ExprKind::MatrixSelector(matrix) => Some(&mut matrix.selector.shift),
            ExprKind::Subquery(subquery) => Some(&mut subquery.shift),
            _ => None,
        }
    }

    /// The edges, of an expression that may have them.
    pub fn edges_mut(&mut self) -> Option<&mut RangeEdges> {
        match &mut self.kind {
            ExprKind::VectorSelector(selector) => Some(&mut selector.edges),
            ExprKind::MatrixSelector(matrix) => Some(&mut matrix.selector.edges),
            _ => None,
        }
    }
}
