//! The tree that the parser makes and the engine evaluates.

mod names;
mod text;
mod walk;

use std::sync::Arc;

use narthex_model::Matcher;

pub use text::{has_invalid_bytes, shown};
pub(crate) use text::{invalid_byte, text_of_bytes};

/// A range of bytes in the query, for errors and annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// What an expression evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number a step.
    Scalar,
    /// One sample a series and step.
    Vector,
    /// Many samples a series and step.
    Matrix,
    /// A text.
    String,
}

/// An expression and where it stands in the query.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The bytes it was read from.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `1.5`, `0x1f`, `5m`
    Number(NumberLiteral),
    /// `"text"`
    String(String),
    /// `metric{label="value"} offset 5m @ 0`
    VectorSelector(VectorSelector),
    /// `metric[5m]`
    MatrixSelector(MatrixSelector),
    /// `expr[1h:5m]`
    Subquery(Box<Subquery>),
    /// `sum by (job) (expr)`
    Aggregate(Box<Aggregate>),
    /// `left + on (job) right`
    Binary(Box<Binary>),
    /// `-expr`, `+expr`
    Unary(UnaryOp, Box<Expr>),
    /// `rate(expr)`
    Call(Call),
    /// `(expr)`
    Paren(Box<Expr>),
}

/// A number, and whether it was written as a duration (which only the printer cares about).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberLiteral {
    /// The value; of a duration, in seconds.
    pub value: f64,
    /// Written as `5m` and not as `300`.
    pub is_duration: bool,
}

/// A signed time, known when the query is parsed or computed when it is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationArg {
    /// A literal, in milliseconds.
    Fixed(i64),
    /// A duration expression such as `5m * step()`.
    Computed(Box<DurationExpr>),
}

/// An arithmetic expression over durations; all numbers are seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationExpr {
    /// What it is.
    pub kind: DurationExprKind,
    /// The bytes it was read from.
    pub span: Span,
    /// Whether it stood in parentheses of its own, for the printer.
    pub wrapped: bool,
}

/// The kinds of duration expression.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationExprKind {
    /// `5m` or `300`
    Number(NumberLiteral),
    /// `step()`: the query's step, 0 for an instant query.
    Step,
    /// `range()`: from the query's start to its end.
    Range,
    /// `+a`, `-a`
    Unary(UnaryOp, Box<DurationExpr>),
    /// `a + b` and the other five operators of arithmetic.
    Binary(BinaryOp, Box<DurationExpr>, Box<DurationExpr>),
    /// `min_of(a, b)`
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `max_of(a, b)`
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
}

/// What `@` says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AtModifier {
    /// `@ 1609746000`, in milliseconds.
    Timestamp(i64),
    /// `@ start()`
    Start,
    /// `@ end()`
    End,
}

/// `offset` and `@`, as a selector or a subquery carries them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeShift {
    /// What follows `offset`; `None` where it is not written or is no time at all.
    pub offset: Option<DurationArg>,
    /// What follows `@`.
    pub at: Option<AtModifier>,
}

/// How samples at the edges of a range are made (`anchored`, `smoothed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RangeEdges {
    /// Only samples inside count.
    #[default]
    Plain,
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// Which series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The name before the braces; `None` where there is none, even if there is one inside.
    pub name: Option<String>,
    /// All matchers in the order of the query, the one for `name` first.
    pub matchers: Arc<[Matcher]>,
    /// `offset` and `@`.
    pub shift: TimeShift,
    /// `anchored` or `smoothed`.
    pub edges: RangeEdges,
}

/// Which series, and how far back.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// The series, with the `offset`, `@` and edges written after the range.
    pub selector: VectorSelector,
    /// The bytes of the selector without range and modifiers.
    pub selector_span: Span,
    /// The length of the range.
    pub range: DurationArg,
}

/// An expression evaluated over a range of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// The inner expression.
    pub expr: Expr,
    /// The length of the range.
    pub range: DurationArg,
    /// The step; `None` takes the engine's default.
    pub step: Option<DurationArg>,
    /// `offset` and `@`.
    pub shift: TimeShift,
}

/// The aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the keyword of its name")]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

/// `by` or `without`, and the label names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouping {
    /// `without` and not `by`.
    pub without: bool,
    /// The names in the order of the query.
    pub labels: Vec<String>,
}

/// An aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which one.
    pub op: AggregateOp,
    /// The aggregated expression.
    pub expr: Expr,
    /// The first argument of those that take two.
    pub param: Option<Expr>,
    /// What to group by.
    pub grouping: Grouping,
}

/// The operators between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the operator of its name")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Eql,
    Neq,
    Lss,
    Lte,
    Gtr,
    Gte,
    And,
    Or,
    Unless,
    /// `</`
    TrimUpper,
    /// `>/`
    TrimLower,
}

/// Signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the sign of its name")]
pub enum UnaryOp {
    Plus,
    Minus,
}

/// How many series of one side may meet one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the term of its name")]
pub enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// How the series of two vectors find each other.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorMatching {
    /// How many meet how many.
    pub cardinality: Cardinality,
    /// `on` (true) or `ignoring`; also false where neither is written.
    pub on: bool,
    /// The names after `on` or `ignoring`.
    pub labels: Vec<String>,
    /// The names after `group_left` or `group_right`.
    pub include: Vec<String>,
    /// `fill` or `fill_left`: the value for a missing left side.
    pub fill_left: Option<f64>,
    /// `fill` or `fill_right`: the value for a missing right side.
    pub fill_right: Option<f64>,
}

/// Two expressions and an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The left side.
    pub lhs: Expr,
    /// The right side.
    pub rhs: Expr,
    /// `bool` stood behind a comparison.
    pub returns_bool: bool,
    /// Set where both sides are vectors.
    pub matching: Option<VectorMatching>,
}

/// A function and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function, as the table of functions has it.
    pub function: &'static crate::functions::Function,
    /// The arguments as written; those left out are not here.
    pub args: Vec<Expr>,
}
