//! What the lexer finds.

use crate::ast::{AggregateOp, BinaryOp, Span};
use crate::printer::quote;

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Eof,
    Comma,
    Colon,
    At,
    Equal,
    EqualRegex,
    NotEqualRegex,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Number,
    Duration,
    String,
    Identifier,
    /// A name with a colon in it.
    MetricIdentifier,
    Operator(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MinOf,
    MaxOf,
}

impl Keyword {
    /// Those that are also functions; messages quote them as they do a name.
    pub(crate) fn is_function(self) -> bool {
        matches!(
            self,
            Self::Start | Self::End | Self::Step | Self::Range | Self::MinOf | Self::MaxOf
        )
    }
}

impl TokenKind {
    /// The keyword that `word` is, in any case.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let lower = word.to_ascii_lowercase();
        if let Some(op) = AggregateOp::from_keyword(&lower) {
            return Some(Self::Aggregate(op));
        }
        let keyword = match lower.as_str() {
            "and" => return Some(Self::Operator(BinaryOp::And)),
            "or" => return Some(Self::Operator(BinaryOp::Or)),
            "unless" => return Some(Self::Operator(BinaryOp::Unless)),
            "atan2" => return Some(Self::Operator(BinaryOp::Atan2)),
            "inf" | "nan" => return Some(Self::Number),
            "offset" => Keyword::Offset,
            "smoothed" => Keyword::Smoothed,
            "anchored" => Keyword::Anchored,
            "by" => Keyword::By,
            "without" => Keyword::Without,
            "on" => Keyword::On,
            "ignoring" => Keyword::Ignoring,
            "group_left" => Keyword::GroupLeft,
            "group_right" => Keyword::GroupRight,
            "fill" => Keyword::Fill,
            "fill_left" => Keyword::FillLeft,
            "fill_right" => Keyword::FillRight,
            "bool" => Keyword::Bool,
            "start" => Keyword::Start,
            "end" => Keyword::End,
            "step" => Keyword::Step,
            "range" => Keyword::Range,
            "min_of" => Keyword::MinOf,
            "max_of" => Keyword::MaxOf,
            _ => return None,
        };
        Some(Self::Keyword(keyword))
    }

    /// Whether it may be the name of a metric, keyword or not.
    pub(crate) fn is_metric_name(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregate(_) => true,
            Self::Operator(op) => matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless),
            Self::Keyword(keyword) => {
                keyword.is_function()
                    || matches!(
                        keyword,
                        Keyword::By
                            | Keyword::Without
                            | Keyword::Offset
                            | Keyword::Anchored
                            | Keyword::Smoothed
                    )
            }
            _ => false,
        }
    }

    /// Whether it may be the name of a label in `by (...)` and its like.
    pub(crate) fn is_label_name(self) -> bool {
        match self {
            Self::Operator(BinaryOp::Atan2) => true,
            Self::Keyword(keyword) => !matches!(
                keyword,
                Keyword::Without | Keyword::Fill | Keyword::FillLeft | Keyword::FillRight
            ),
            _ => self.is_metric_name(),
        }
    }

    /// Whether an expression may begin with it.
    pub(crate) fn begins_expression(self) -> bool {
        self.is_metric_name()
            || matches!(
                self,
                Self::Number
                    | Self::Duration
                    | Self::String
                    | Self::LeftParen
                    | Self::LeftBrace
                    | Self::Operator(BinaryOp::Add | BinaryOp::Sub)
            )
    }
}

impl Token {
    /// The text it was read from.
    pub(crate) fn text(self, input: &str) -> &str {
        &input[self.span.start..self.span.end]
    }

    /// How messages call it.
    pub(crate) fn describe(self, input: &str) -> String {
        let text = self.text(input);
        match self.kind {
            TokenKind::Eof => "end of input".to_owned(),
            TokenKind::Identifier => format!("identifier {}", quote(text)),
            TokenKind::MetricIdentifier => format!("metric identifier {}", quote(text)),
            TokenKind::Keyword(keyword) if !keyword.is_function() => format!("<{text}>"),
            TokenKind::Operator(_) | TokenKind::EqualRegex | TokenKind::NotEqualRegex => {
                format!("<op:{text}>")
            }
            TokenKind::At => "<op:@>".to_owned(),
            TokenKind::Aggregate(_) => format!("<aggr:{text}>"),
            TokenKind::Number => format!("number {}", shortened(text)),
            TokenKind::Duration => format!("duration {}", shortened(text)),
            TokenKind::String => format!("string {}", shortened(text)),
            _ => shortened(text),
        }
    }
}

/// How many characters of a literal a message shows.
const SHOWN_CHARS_MAX: usize = 10;

fn shortened(text: &str) -> String {
    if text.len() <= SHOWN_CHARS_MAX {
        return quote(text);
    }
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{}...", quote(&shown))
}
