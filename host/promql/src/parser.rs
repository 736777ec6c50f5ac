//! Text to tree: recursive descent, with precedence climbing for the operators.
//!
//! It stops at the first fault and says it as Prometheus does. It is not: the check of types,
//! which follows in [`crate::types`].

mod aggregate;
mod binary;
mod duration;
mod error;
mod literal;
mod postfix;
mod selector;

use narthex_model::Matcher;

use crate::ast::{AggregateOp, BinaryOp, Call, Expr, ExprKind, NumberLiteral, Span, UnaryOp};
use crate::functions::function;
use crate::lexer::{Lexer, Token, TokenKind};
use crate::printer::quote;

pub use error::ParseError;
pub(crate) use literal::{go_number, unquote};

/// Longer queries are refused.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// How deep parentheses, calls, signs and durations may be nested.
pub const NESTING_MAX: usize = 128;

/// How high the tree of an expression may grow; `a + b + c` is a tree of height 3. All that
/// walks the tree by recursion relies on it, on stacks of 2 MB also without optimization.
/// Durations of a query have no more operators.
pub const TREE_HEIGHT_MAX: usize = 400;

/// Which experimental parts of the language are there. The default has none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ParseOptions {
    /// Functions and aggregations marked experimental.
    pub experimental_functions: bool,
    /// Arithmetic, `step()` and their like where a duration is expected.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right`.
    pub binop_fill_modifiers: bool,
}

impl ParseOptions {
    /// Everything the language has.
    pub const fn all() -> Self {
        Self {
            experimental_functions: true,
            duration_expressions: true,
            extended_range_selectors: true,
            binop_fill_modifiers: true,
        }
    }
}

/// Parses a query and checks its types.
///
/// # Errors
/// The first fault found, with its place.
pub fn parse(query: &str, options: &ParseOptions) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query, *options)?;
    if parser.peek()?.kind == TokenKind::Eof {
        return parser.error(Span::default(), "no expression found in input");
    }
    let mut expr = parser.expression(0)?.expr;
    parser.expect_end()?;
    crate::types::check(query, &mut expr)?;
    Ok(expr)
}

/// Parses a selector such as `up{job="x"}`, as `match[]` has it: without range and modifiers.
///
/// # Errors
/// It is something else.
pub fn parse_metric_selector(input: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(input, ParseOptions::default())?;
    let matchers = parser.metric_selector()?;
    parser.expect_end()?;
    Ok(matchers)
}

/// What a rule of the grammar gives: a part of the tree and how high it is.
struct Node {
    expr: Expr,
    height: usize,
}

/// What a message says where no rule knows better: `in context, expected this`.
#[derive(Clone, Copy)]
struct Wanted {
    context: &'static str,
    expected: &'static str,
}

/// The parser's state: a lexer, at most one token read ahead, and what is wanted.
pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    ahead: Option<Token>,
    options: ParseOptions,
    /// The end of the token consumed last.
    end: usize,
    nesting: usize,
    /// Operators between durations in the whole query: their trees are no higher than that.
    duration_operators: usize,
    wanted: Wanted,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(input: &'a str, options: ParseOptions) -> Result<Self, ParseError> {
        if input.len() > QUERY_BYTES_MAX {
            let message = format!(
                "query is too long: {} bytes, at most {QUERY_BYTES_MAX} are allowed",
                input.len()
            );
            return Err(ParseError::new(input, Span::default(), message));
        }
        Ok(Self {
            lexer: Lexer::new(input),
            ahead: None,
            options,
            end: 0,
            nesting: 0,
            duration_operators: 0,
            wanted: Wanted {
                context: "",
                expected: "",
            },
        })
    }

    pub(crate) fn input(&self) -> &'a str {
        self.lexer.input()
    }

    /// What follows the consumed tokens. No token may be read ahead.
    pub(crate) fn rest(&self) -> &'a str {
        self.lexer.rest()
    }

    /// The next token. It is read only when asked for: a fault that is known without it comes
    /// before a fault in it.
    pub(crate) fn peek(&mut self) -> Result<Token, ParseError> {
        match self.ahead {
            Some(token) => Ok(token),
            None => Ok(*self.ahead.insert(self.lexer.next_token()?)),
        }
    }

    pub(crate) fn advance(&mut self) -> Result<Token, ParseError> {
        let token = self.peek()?;
        self.ahead = None;
        self.end = token.span.end;
        Ok(token)
    }

    fn at(&mut self, kind: TokenKind) -> Result<bool, ParseError> {
        Ok(self.peek()?.kind == kind)
    }

    /// Consumes the next token if it is of this kind.
    fn take(&mut self, kind: TokenKind) -> Result<bool, ParseError> {
        let found = self.at(kind)?;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, kind: TokenKind) -> Result<Token, ParseError> {
        if self.at(kind)? {
            self.advance()
        } else {
            self.unexpected()
        }
    }

    fn expect_end(&mut self) -> Result<(), ParseError> {
        self.expect(TokenKind::Eof).map(|_| ())
    }

    fn error<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.input(), span, message))
    }

    /// The fault that the next token is, in the words of what is wanted here.
    fn unexpected<T>(&mut self) -> Result<T, ParseError> {
        let Wanted { context, expected } = self.wanted;
        self.unexpected_in(context, expected)
    }

    fn unexpected_in<T>(&mut self, context: &str, expected: &str) -> Result<T, ParseError> {
        let token = self.peek()?;
        let mut message = format!("unexpected {}", token.describe(self.input()));
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.error(token.span, message)
    }

    /// Runs a rule with other words for what is wanted.
    fn wanting<T>(
        &mut self,
        context: &'static str,
        expected: &'static str,
        rule: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let outer = std::mem::replace(&mut self.wanted, Wanted { context, expected });
        let result = rule(self);
        self.wanted = outer;
        result
    }

    /// Runs a rule one level deeper.
    fn nested<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.nesting == NESTING_MAX {
            let span = self.peek()?.span;
            return self.error(
                span,
                format!("expression is nested too deep, at most {NESTING_MAX} levels are allowed"),
            );
        }
        self.nesting += 1;
        let result = rule(self);
        self.nesting -= 1;
        result
    }

    /// A node above others of at most this height.
    fn node(&self, kind: ExprKind, span: Span, below: usize) -> Result<Node, ParseError> {
        if below >= TREE_HEIGHT_MAX {
            return self.error(
                span,
                format!("expression is too large, at most {TREE_HEIGHT_MAX} operations in a chain are allowed"),
            );
        }
        Ok(Node {
            expr: Expr { kind, span },
            height: below + 1,
        })
    }

    /// An expression of operators that bind at least as strongly as `binding`.
    fn expression(&mut self, binding: u8) -> Result<Node, ParseError> {
        self.nested(|parser| {
            let mut left = parser.operand()?;
            while let TokenKind::Operator(op) = parser.peek()?.kind {
                if binary::binding(op) < binding {
                    break;
                }
                left = parser.binary(left, op)?;
            }
            Ok(left)
        })
    }

    /// A signed expression, or one without operators in front.
    fn operand(&mut self) -> Result<Node, ParseError> {
        match self.peek()?.kind {
            TokenKind::Operator(BinaryOp::Add) => self.signed(UnaryOp::Plus),
            TokenKind::Operator(BinaryOp::Sub) => self.signed(UnaryOp::Minus),
            _ => self.postfix(),
        }
    }

    fn signed(&mut self, op: UnaryOp) -> Result<Node, ParseError> {
        let token = self.advance()?;
        let operand = self.expression(binary::binding(BinaryOp::Pow))?;
        let span = Span {
            start: token.span.start,
            end: operand.expr.span.end,
        };
        if let ExprKind::Number(mut number) = operand.expr.kind {
            if op == UnaryOp::Minus {
                number.value = -number.value;
            }
            return self.node(ExprKind::Number(number), span, 0);
        }
        let kind = ExprKind::Unary(op, Box::new(operand.expr));
        self.node(kind, span, operand.height)
    }

    /// What stands without operators around it. As all rules that call each other it is kept
    /// small: the stack is what nesting costs.
    fn primary(&mut self) -> Result<Node, ParseError> {
        match self.peek()?.kind {
            TokenKind::LeftParen => self.paren(),
            TokenKind::Aggregate(op) => self.aggregate_or_selector(op),
            TokenKind::Identifier | TokenKind::Keyword(_) => self.call_or_selector(),
            _ => self.leaf(),
        }
    }

    fn aggregate_or_selector(&mut self, op: AggregateOp) -> Result<Node, ParseError> {
        let name = self.advance()?;
        if self.aggregate_follows()? {
            self.aggregate(op, name)
        } else {
            self.vector_selector(Some(name))
        }
    }

    fn call_or_selector(&mut self) -> Result<Node, ParseError> {
        let kind = self.peek()?.kind;
        if !kind.is_metric_name() {
            return self.unexpected();
        }
        let name = self.advance()?;
        let callable = match kind {
            TokenKind::Keyword(keyword) => keyword.is_function(),
            _ => true,
        };
        if callable && self.at(TokenKind::LeftParen)? {
            self.call(name)
        } else {
            self.vector_selector(Some(name))
        }
    }

    /// What has nothing below it.
    fn leaf(&mut self) -> Result<Node, ParseError> {
        let token = self.peek()?;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                let number = self.number_literal()?;
                self.node(ExprKind::Number(number), token.span, 0)
            }
            TokenKind::String => {
                self.advance()?;
                let text = self.unquoted(token)?;
                self.node(ExprKind::String(text), token.span, 0)
            }
            TokenKind::LeftBrace => self.vector_selector(None),
            kind if kind.is_metric_name() => {
                self.advance()?;
                self.vector_selector(Some(token))
            }
            _ => self.unexpected(),
        }
    }

    fn paren(&mut self) -> Result<Node, ParseError> {
        let open = self.advance()?;
        let inner = self.expression(0)?;
        let close = self.expect(TokenKind::RightParen)?;
        let span = Span {
            start: open.span.start,
            end: close.span.end,
        };
        self.node(ExprKind::Paren(Box::new(inner.expr)), span, inner.height)
    }

    fn call(&mut self, name: Token) -> Result<Node, ParseError> {
        let (args, height) = self.call_args()?;
        let text = name.text(self.input());
        let Some(function) = function(text) else {
            let message = format!("unknown function with name {}", quote(text));
            return self.error(name.span, message);
        };
        if function.experimental && !self.options.experimental_functions {
            let message = format!("function {} is not enabled", quote(text));
            return self.error(name.span, message);
        }
        let span = Span {
            start: name.span.start,
            end: self.end,
        };
        self.node(ExprKind::Call(Call { function, args }), span, height)
    }

    /// `(a, b)`, and the height of the highest.
    fn call_args(&mut self) -> Result<(Vec<Expr>, usize), ParseError> {
        self.expect(TokenKind::LeftParen)?;
        let (mut args, mut height) = (Vec::new(), 0);
        if self.take(TokenKind::RightParen)? {
            return Ok((args, height));
        }
        loop {
            let arg = self.expression(0)?;
            args.push(arg.expr);
            height = height.max(arg.height);
            let next = self.peek()?;
            match next.kind {
                TokenKind::RightParen => {
                    self.advance()?;
                    return Ok((args, height));
                }
                TokenKind::Comma => {
                    self.advance()?;
                    if !self.peek()?.kind.begins_expression() {
                        return self.error(
                            next.span,
                            "trailing commas not allowed in function call args",
                        );
                    }
                }
                _ => return self.unexpected(),
            }
        }
    }

    /// A number or duration as it stands, without a sign.
    fn number_literal(&mut self) -> Result<NumberLiteral, ParseError> {
        let token = self.advance()?;
        let text = token.text(self.input());
        let value = if token.kind == TokenKind::Duration {
            literal::duration_seconds(text)
        } else {
            literal::number(text)
        };
        match value {
            Ok(value) => Ok(NumberLiteral {
                value,
                is_duration: token.kind == TokenKind::Duration,
            }),
            Err(message) => self.error(token.span, message),
        }
    }

    fn unquoted(&self, token: Token) -> Result<String, ParseError> {
        let text = token.text(self.input());
        match literal::unquote(text) {
            Some(text) => Ok(text),
            None => self.error(
                token.span,
                format!("error unquoting string {}: invalid syntax", quote(text)),
            ),
        }
    }
}
