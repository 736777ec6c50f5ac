//! Operators between two expressions, and what may follow them.

use super::{Node, ParseError, Parser};
use crate::ast::{Binary, BinaryOp, Cardinality, ExprKind, Span, VectorMatching};
use crate::lexer::{Keyword, TokenKind};

/// How strongly an operator binds.
pub(super) fn binding(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Eql
        | BinaryOp::Neq
        | BinaryOp::Lss
        | BinaryOp::Lte
        | BinaryOp::Gtr
        | BinaryOp::Gte
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => 5,
        BinaryOp::Pow => 6,
    }
}

impl Parser<'_> {
    /// The operator that comes next, and its right side.
    pub(super) fn binary(&mut self, left: Node, op: BinaryOp) -> Result<Node, ParseError> {
        self.advance()?;
        let returns_bool = self.take(TokenKind::Keyword(Keyword::Bool))?;
        let matching = self.vector_matching()?;
        // `^` groups to the right, all others to the left.
        let right_binding = binding(op) + u8::from(op != BinaryOp::Pow);
        let right = self.expression(right_binding)?;
        let span = Span {
            start: left.expr.span.start,
            end: right.expr.span.end,
        };
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if fills && !self.options.binop_fill_modifiers {
            return self.error(
                span,
                "binop fill modifiers are experimental and not enabled",
            );
        }
        let height = left.height.max(right.height);
        let binary = Binary {
            op,
            lhs: left.expr,
            rhs: right.expr,
            returns_bool,
            matching: Some(matching),
        };
        self.node(ExprKind::Binary(Box::new(binary)), span, height)
    }

    fn vector_matching(&mut self) -> Result<VectorMatching, ParseError> {
        let mut matching = VectorMatching {
            cardinality: Cardinality::OneToOne,
            on: false,
            labels: Vec::new(),
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        };
        if let TokenKind::Keyword(keyword @ (Keyword::On | Keyword::Ignoring)) = self.peek()?.kind {
            self.advance()?;
            matching.on = keyword == Keyword::On;
            matching.labels = self.grouping_labels()?;
            let cardinality = match self.peek()?.kind {
                TokenKind::Keyword(Keyword::GroupLeft) => Some(Cardinality::ManyToOne),
                TokenKind::Keyword(Keyword::GroupRight) => Some(Cardinality::OneToMany),
                _ => None,
            };
            if let Some(cardinality) = cardinality {
                self.advance()?;
                matching.cardinality = cardinality;
                if self.at(TokenKind::LeftParen)? {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        self.fills(&mut matching)?;
        Ok(matching)
    }

    /// `fill (0)`, or one or both of `fill_left (0)` and `fill_right (0)`.
    fn fills(&mut self, matching: &mut VectorMatching) -> Result<(), ParseError> {
        if self.take(TokenKind::Keyword(Keyword::Fill))? {
            let value = self.fill_value()?;
            matching.fill_left = Some(value);
            matching.fill_right = Some(value);
            return Ok(());
        }
        loop {
            let side = match self.peek()?.kind {
                TokenKind::Keyword(Keyword::FillLeft) if matching.fill_left.is_none() => {
                    &mut matching.fill_left
                }
                TokenKind::Keyword(Keyword::FillRight) if matching.fill_right.is_none() => {
                    &mut matching.fill_right
                }
                _ => return Ok(()),
            };
            self.advance()?;
            *side = Some(self.fill_value()?);
        }
    }

    fn fill_value(&mut self) -> Result<f64, ParseError> {
        self.expect(TokenKind::LeftParen)?;
        let value = self.signed_number()?;
        self.expect(TokenKind::RightParen)?;
        Ok(value)
    }

    /// A number or duration, with or without a sign.
    pub(super) fn signed_number(&mut self) -> Result<f64, ParseError> {
        let negative = self.at(TokenKind::Operator(BinaryOp::Sub))?;
        if negative || self.at(TokenKind::Operator(BinaryOp::Add))? {
            self.advance()?;
        }
        if !matches!(self.peek()?.kind, TokenKind::Number | TokenKind::Duration) {
            return self.unexpected();
        }
        let value = self.number_literal()?.value;
        Ok(if negative { -value } else { value })
    }
}
