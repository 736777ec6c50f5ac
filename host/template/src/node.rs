//! The parsed form of a template, and how it prints itself again: errors show the piece they are
//! about.

use std::fmt;
use std::sync::Arc;

/// Bytes from the start of the text.
pub(crate) type Offset = usize;

/// One template: what a `define`, a `block` or a whole text is.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name that it is called by.
    pub(crate) name: String,
    /// Where it is written.
    pub(crate) source: Arc<Source>,
    pub(crate) root: Vec<Node>,
}

/// A text and the name that errors give it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(Offset, Arc<str>),
    Action(Offset, Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Offset, String, Option<Pipe>),
    Break(Offset),
    Continue(Offset),
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) at: Offset,
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Node>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// Commands, each taking the result of the one before as its last argument.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: Offset,
    /// The variables that the result is given to.
    pub(crate) variables: Vec<String>,
    /// Whether they are set (`=`), not declared (`:=`).
    pub(crate) is_assignment: bool,
    pub(crate) commands: Vec<Command>,
}

/// A function, a method or a value, and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: Offset,
    /// Never empty.
    pub(crate) words: Vec<Expr>,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: Offset,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Number),
    /// As it is written, and what it means.
    String(String, Arc<str>),
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`, the name with its dollar.
    Variable(String, Vec<String>),
    Identifier(String),
    /// `(pipe).a.b`
    Chain(Box<Expr>, Vec<String>),
    Pipe(Pipe),
}

/// A constant: each reading that its text allows.
#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) int: Option<i64>,
    pub(crate) float: Option<f64>,
}

/// Whether there is nothing but space.
pub(crate) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(_, text) => text.trim().is_empty(),
        _ => false,
    })
}

/// A piece of a tree that an error can be about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'t> {
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Expr(&'t Expr),
}

impl Piece<'_> {
    pub(crate) fn at(self) -> Offset {
        match self {
            Self::Node(node) => node.at(),
            Self::Pipe(pipe) => pipe.at,
            Self::Command(command) => command.at,
            Self::Expr(expr) => expr.at,
        }
    }
}

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => fmt::Display::fmt(node, f),
            Self::Pipe(pipe) => fmt::Display::fmt(pipe, f),
            Self::Command(command) => fmt::Display::fmt(command, f),
            Self::Expr(expr) => fmt::Display::fmt(expr, f),
        }
    }
}

impl Source {
    /// `name:line:column`, the column counted from 0 in bytes.
    pub(crate) fn place(&self, at: Offset) -> String {
        let before = self.text.get(..at).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = before.rfind('\n').map_or(at, |newline| at - newline - 1);
        format!("{}:{line}:{column}", self.name)
    }
}

impl Node {
    pub(crate) fn at(&self) -> Offset {
        match self {
            Self::Text(at, _)
            | Self::Action(at, _)
            | Self::Template(at, ..)
            | Self::Break(at)
            | Self::Continue(at) => *at,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.at,
        }
    }
}

fn write_all(f: &mut fmt::Formatter<'_>, nodes: &[Node]) -> fmt::Result {
    nodes.iter().try_for_each(|node| fmt::Display::fmt(node, f))
}

impl Branch {
    fn write(&self, f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
        write!(f, "{{{{{word} {}}}}}", self.pipe)?;
        write_all(f, &self.list)?;
        if let Some(otherwise) = &self.otherwise {
            f.write_str("{{else}}")?;
            write_all(f, otherwise)?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_, text) => f.write_str(text),
            Self::Action(_, pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => branch.write(f, "if"),
            Self::With(branch) => branch.write(f, "with"),
            Self::Range(branch) => branch.write(f, "range"),
            Self::Template(_, name, pipe) => {
                let name = crate::quote::quoted(name);
                match pipe {
                    None => write!(f, "{{{{template {name}}}}}"),
                    Some(pipe) => write!(f, "{{{{template {name} {pipe}}}}}"),
                }
            }
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.is_assignment { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            fmt::Display::fmt(command, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.words.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match &word.kind {
                ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => fmt::Display::fmt(word, f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Bool(value) => fmt::Display::fmt(value, f),
            ExprKind::Dot => f.write_str("."),
            ExprKind::Nil => f.write_str("nil"),
            ExprKind::Number(number) => f.write_str(&number.text),
            ExprKind::String(written, _) => f.write_str(written),
            ExprKind::Identifier(name) => f.write_str(name),
            ExprKind::Field(names) => names.iter().try_for_each(|field| write!(f, ".{field}")),
            ExprKind::Variable(name, names) => {
                f.write_str(name)?;
                names.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            ExprKind::Chain(inner, names) => {
                match &inner.kind {
                    ExprKind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => fmt::Display::fmt(inner, f)?,
                }
                names.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            ExprKind::Pipe(pipe) => fmt::Display::fmt(pipe, f),
        }
    }
}
