//! What the parts of the tree are called in a query and in messages, and where they stand.

use std::fmt;

use super::{AggregateOp, BinaryOp, Span, UnaryOp, ValueType};

/// Each aggregation and its keyword.
const AGGREGATIONS: [(AggregateOp, &str); 14] = [
    (AggregateOp::Sum, "sum"),
    (AggregateOp::Avg, "avg"),
    (AggregateOp::Count, "count"),
    (AggregateOp::Min, "min"),
    (AggregateOp::Max, "max"),
    (AggregateOp::Group, "group"),
    (AggregateOp::Stddev, "stddev"),
    (AggregateOp::Stdvar, "stdvar"),
    (AggregateOp::Topk, "topk"),
    (AggregateOp::Bottomk, "bottomk"),
    (AggregateOp::CountValues, "count_values"),
    (AggregateOp::Quantile, "quantile"),
    (AggregateOp::Limitk, "limitk"),
    (AggregateOp::LimitRatio, "limit_ratio"),
];

impl AggregateOp {
    /// The aggregation of this keyword, which is written in lower case.
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        AGGREGATIONS
            .iter()
            .find(|(_, name)| *name == keyword)
            .map(|(op, _)| *op)
    }

    /// The keyword.
    pub fn as_str(self) -> &'static str {
        AGGREGATIONS
            .iter()
            .find(|(op, _)| *op == self)
            .map_or("", |(_, name)| *name)
    }

    /// Whether it takes an argument before the expression.
    pub fn has_param(self) -> bool {
        matches!(
            self,
            Self::Topk
                | Self::Bottomk
                | Self::CountValues
                | Self::Quantile
                | Self::Limitk
                | Self::LimitRatio
        )
    }

    /// Whether it is only there with `--enable-feature=promql-experimental-functions`.
    pub fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }
}

impl fmt::Display for AggregateOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl BinaryOp {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Eql => "==",
            Self::Neq => "!=",
            Self::Lss => "<",
            Self::Lte => "<=",
            Self::Gtr => ">",
            Self::Gte => ">=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
        }
    }

    /// Whether it is one of `==`, `!=`, `<`, `<=`, `>`, `>=`.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Eql | Self::Neq | Self::Lss | Self::Lte | Self::Gtr | Self::Gte
        )
    }

    /// Whether it is one of `and`, `or`, `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

impl fmt::Display for BinaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UnaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plus => "+",
            Self::Minus => "-",
        })
    }
}

impl ValueType {
    /// The name that the API gives: `vector`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::String => "string",
        }
    }

    /// The name that the documentation gives: `instant vector`.
    pub fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            _ => self.as_str(),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Span {
    /// Where it begins in `query`: `line:column`, both from 1, the column in bytes. Of the
    /// empty query it is `unknown position`, as in Prometheus.
    pub fn position(self, query: &str) -> String {
        if query.is_empty() {
            return "unknown position".to_owned();
        }
        let Some(before) = query.as_bytes().get(..self.start) else {
            return "invalid position".to_owned();
        };
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        format!("{line}:{}", self.start - line_start + 1)
    }
}
