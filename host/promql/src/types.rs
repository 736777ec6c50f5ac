//! Whether an expression makes sense: types, numbers of arguments, matching.
//!
//! What the check finds out about the matching of vectors it writes into the tree. The order
//! of the checks is the order in which Prometheus reports faults, for only the first is shown.

use narthex_model::METRIC_NAME;

use crate::ast::{
    Aggregate, AggregateOp, Binary, Call, Cardinality, Expr, ExprKind, Span, ValueType,
    VectorSelector,
};
use crate::parser::ParseError;
use crate::printer::quote;

/// Checks the whole tree of `query`.
pub(crate) fn check(query: &str, expr: &mut Expr) -> Result<ValueType, ParseError> {
    Check { query }.expr(expr)
}

struct Check<'a> {
    query: &'a str,
}

impl Check<'_> {
    fn error<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.query, span, message))
    }

    /// Faults are put into words elsewhere: what calls itself is kept small on the stack.
    fn expr(&self, expr: &mut Expr) -> Result<ValueType, ParseError> {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Number(_) | ExprKind::String(_) => {}
            ExprKind::VectorSelector(selector) => self.selector(selector, span)?,
            ExprKind::MatrixSelector(matrix) => {
                self.selector(&matrix.selector, matrix.selector_span)?;
            }
            ExprKind::Subquery(subquery) => {
                let inner = self.expr(&mut subquery.expr)?;
                self.subquery_of(inner, span)?;
            }
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate)?,
            ExprKind::Binary(binary) => self.binary(binary, span)?,
            ExprKind::Unary(_, inner) => {
                let inner = self.expr(inner)?;
                self.sign_of(inner, span)?;
            }
            ExprKind::Call(call) => self.call(call, span)?,
            ExprKind::Paren(inner) => {
                self.expr(inner)?;
            }
        }
        Ok(expr.value_type())
    }

    fn subquery_of(&self, inner: ValueType, span: Span) -> Result<(), ParseError> {
        if inner == ValueType::Vector {
            return Ok(());
        }
        let message = format!("subquery is only allowed on instant vector, got {inner} instead");
        self.error(span, message)
    }

    fn sign_of(&self, inner: ValueType, span: Span) -> Result<(), ParseError> {
        if matches!(inner, ValueType::Scalar | ValueType::Vector) {
            return Ok(());
        }
        let message = format!(
            "unary expression only allowed on expressions of type scalar or instant vector, got {}",
            quote(inner.documented())
        );
        self.error(span, message)
    }

    fn aggregate(&self, aggregate: &mut Aggregate) -> Result<(), ParseError> {
        self.expect(
            &mut aggregate.expr,
            ValueType::Vector,
            "aggregation expression",
        )?;
        let wanted = match aggregate.op {
            AggregateOp::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        match &mut aggregate.param {
            Some(param) => self.expect(param, wanted, "aggregation parameter"),
            None => Ok(()),
        }
    }

    fn expect(&self, expr: &mut Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
        let found = self.expr(expr)?;
        if found == wanted {
            return Ok(());
        }
        let message = format!(
            "expected type {} in {context}, got {}",
            wanted.documented(),
            found.documented()
        );
        self.error(expr.span, message)
    }

    fn selector(&self, selector: &VectorSelector, span: Span) -> Result<(), ParseError> {
        if let Some(name) = &selector.name {
            let mut others = selector.matchers.iter().skip(1);
            if let Some(second) = others.find(|matcher| matcher.name() == METRIC_NAME) {
                let message = format!(
                    "metric name must not be set twice: {} or {}",
                    quote(name),
                    quote(second.value())
                );
                return self.error(span, message);
            }
        } else if selector.matchers.iter().all(|matcher| matcher.matches("")) {
            return self.error(
                span,
                "vector selector must contain at least one non-empty matcher",
            );
        }
        Ok(())
    }

    fn binary(&self, binary: &mut Binary, span: Span) -> Result<(), ParseError> {
        let left = self.expr(&mut binary.lhs)?;
        let right = self.expr(&mut binary.rhs)?;
        self.operands(binary, (left, right), span)
    }

    /// The checks of an operator whose sides are checked.
    fn operands(
        &self,
        binary: &mut Binary,
        (left, right): (ValueType, ValueType),
        span: Span,
    ) -> Result<(), ParseError> {
        let operator = self.operator_span(binary);
        let op = binary.op;
        if binary.returns_bool && !op.is_comparison() {
            return self.error(
                operator,
                "bool modifier can only be used on comparison operators",
            );
        }
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if op.is_comparison() && !binary.returns_bool && scalars {
            return self.error(
                operator,
                "comparisons between scalars must use BOOL modifier",
            );
        }
        if let Some(matching) = &mut binary.matching {
            if op.is_set() && matching.cardinality == Cardinality::OneToOne {
                matching.cardinality = Cardinality::ManyToMany;
            }
            let both = |label: &&String| matching.on && matching.include.contains(label);
            if let Some(label) = matching.labels.iter().find(both) {
                let message = format!(
                    "label {} must not occur in ON and GROUP clause at once",
                    quote(label)
                );
                return self.error(operator, message);
            }
        }
        for (side, found) in [(&binary.lhs, left), (&binary.rhs, right)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                return self.error(
                    side.span,
                    "binary expression must contain only scalar and instant vector types",
                );
            }
        }
        self.matching(binary, left == right && left == ValueType::Vector, span)
    }

    fn matching(&self, binary: &mut Binary, vectors: bool, span: Span) -> Result<(), ParseError> {
        let op = binary.op;
        if let Some(matching) = &binary.matching {
            let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
            let message = if !vectors && !matching.labels.is_empty() {
                Some("vector matching only allowed between instant vectors".to_owned())
            } else if !vectors && fills {
                Some("filling in missing series only allowed between instant vectors".to_owned())
            } else if vectors && op.is_set() && matching.cardinality != Cardinality::ManyToMany {
                Some(format!(
                    "no grouping allowed for {} operation",
                    quote(op.as_str())
                ))
            } else if vectors && op.is_set() && fills {
                Some("filling in missing series not allowed for set operators".to_owned())
            } else {
                None
            };
            if let Some(message) = message {
                return self.error(span, message);
            }
        }
        if !vectors {
            binary.matching = None;
            if op.is_set() {
                let message = format!(
                    "set operator {} not allowed in binary scalar expression",
                    quote(op.as_str())
                );
                return self.error(span, message);
            }
        }
        Ok(())
    }

    /// The operator with its modifiers.
    fn operator_span(&self, binary: &Binary) -> Span {
        let between = binary.lhs.span.end..binary.rhs.span.start;
        let text = self.query.get(between.clone()).unwrap_or("");
        Span {
            start: between.start + (text.len() - text.trim_start().len()),
            end: between.end - (text.len() - text.trim_end().len()),
        }
    }

    fn call(&self, call: &mut Call, span: Span) -> Result<(), ParseError> {
        let function = call.function;
        let name = quote(function.name);
        let (given, known) = (call.args.len(), function.args.len());
        if let Some(expected) = wrong_count(given, known, function.variadic) {
            let message = format!("expected {expected} argument(s) in call to {name}, got {given}");
            return self.error(span, message);
        }
        let is_info = function.name == "info";
        if is_info && let Some(selector) = call.args.get(1) {
            self.label_selectors_only(selector, span)?;
        }
        let last = known.saturating_sub(1);
        for (at, arg) in call.args.iter_mut().enumerate() {
            // The second argument of info() may select everything: it is checked above.
            if is_info && at == 1 {
                continue;
            }
            let context = format!("call to function {name}");
            self.expect(arg, function.args[at.min(last)], &context)?;
        }
        Ok(())
    }

    /// What the second argument of `info()` must be.
    fn label_selectors_only(&self, selector: &Expr, call: Span) -> Result<(), ParseError> {
        let found = selector.value_type();
        if found != ValueType::Vector {
            let message = format!(
                "expected type {} in call to function \"info\", got {}",
                ValueType::Vector.documented(),
                found.documented()
            );
            return self.error(call, message);
        }
        match &selector.kind {
            ExprKind::VectorSelector(VectorSelector { name: None, .. }) => Ok(()),
            ExprKind::VectorSelector(_) => self.error(
                selector.span,
                "expected label selectors only, got vector selector instead",
            ),
            _ => self.error(selector.span, "expected label selectors only"),
        }
    }
}

/// How many arguments a function takes, where `given` is not one of these numbers.
fn wrong_count(given: usize, known: usize, variadic: i32) -> Option<String> {
    if variadic == 0 {
        return (given != known).then(|| known.to_string());
    }
    let least = known.saturating_sub(1);
    if given < least {
        return Some(format!("at least {least}"));
    }
    let most = least + usize::try_from(variadic).ok()?;
    (given > most).then(|| format!("at most {most}"))
}
