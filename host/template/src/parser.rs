//! Makes trees of a template's text: one for the text itself and one for each `define` and `block`
//! in it.
//!
//! The grammar, the order in which faults are found and the words for them are Go's.

mod operand;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::tokens::Tokens;
use crate::builtins;
use crate::error::ParseError;
use crate::functions::Functions;
use crate::lexer::{Kind, Token};
use crate::limits::NESTING_MAX;
use crate::node::{Branch, Node, Pipe, Source, Tree, is_empty};
use crate::quote::{quoted, unquoted};

/// The trees of one text by name.
pub(crate) type Trees = BTreeMap<String, Arc<Tree>>;

/// Reads a text.
pub(crate) fn parse(
    name: &str,
    text: &str,
    functions: &dyn Functions,
) -> Result<Trees, ParseError> {
    let source = Arc::new(Source {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let mut parser = Parser {
        tokens: Tokens::new(text),
        source,
        functions,
        trees: Trees::new(),
        scope: Scope::new(),
        nesting: 0,
        action_line: 0,
    };
    let root = parser.top()?;
    parser.add(name.to_owned(), root)?;
    Ok(parser.trees)
}

/// What holds within one template: a `define` begins anew.
#[derive(Debug)]
struct Scope {
    variables: Vec<String>,
    ranges: usize,
}

impl Scope {
    fn new() -> Self {
        Self {
            variables: vec!["$".to_owned()],
            ranges: 0,
        }
    }
}

/// What an action is.
enum Item {
    Node(Node),
    End,
    /// And whether an `if` or `with` follows it.
    Else(Option<Kind>),
}

impl Item {
    fn written(&self) -> String {
        match self {
            Self::Node(node) => node.to_string(),
            Self::End => "{{end}}".to_owned(),
            Self::Else(_) => "{{else}}".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    source: Arc<Source>,
    functions: &'a dyn Functions,
    trees: Trees,
    scope: Scope,
    /// How deep in blocks or parentheses we are.
    nesting: usize,
    /// Where the action being read began; 0 outside of one.
    action_line: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn error<T>(&self, what: impl AsRef<str>) -> Parsed<T> {
        let (name, line) = (&self.source.name, self.tokens.line());
        let what = what.as_ref();
        Err(ParseError(format!("template: {name}:{line}: {what}")))
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", shown(token)));
        }
        let mut what = token.error.clone();
        if self.action_line != 0 && self.action_line != token.line {
            let started = format!("started at {}:{}", self.source.name, self.action_line);
            what.push_str(if what.ends_with(" action") {
                " "
            } else {
                " in action "
            });
            what.push_str(&started);
        }
        self.error(what)
    }

    fn expect(&mut self, kinds: &[Kind], context: &str) -> Parsed<Token<'a>> {
        let token = self.tokens.next_non_space();
        if kinds.contains(&token.kind) {
            return Ok(token);
        }
        self.unexpected(&token, context)
    }

    /// Goes one block or parenthesis deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= NESTING_MAX {
            return self.error(format!("max expression depth exceeded ({NESTING_MAX})"));
        }
        self.nesting += 1;
        let read = read(self);
        self.nesting -= 1;
        read
    }

    /// Adds a template of this text. Of two with a name one must be empty.
    fn add(&mut self, name: String, root: Vec<Node>) -> Parsed<()> {
        if let Some(there) = self.trees.get(&name)
            && !is_empty(&there.root)
        {
            if is_empty(&root) {
                return Ok(());
            }
            let name = quoted(&name);
            return self.error(format!("template: multiple definition of template {name}"));
        }
        let tree = Tree {
            name: name.clone(),
            source: Arc::clone(&self.source),
            root,
        };
        self.trees.insert(name, Arc::new(tree));
        Ok(())
    }

    fn top(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            let token = self.tokens.peek();
            if token.kind == Kind::Eof {
                return Ok(nodes);
            }
            if token.kind == Kind::LeftDelim {
                let delim = self.tokens.next();
                let word = self.tokens.next_non_space();
                if word.kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.tokens.put_back(word);
                self.tokens.put_back(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                other => return self.error(format!("unexpected {}", other.written())),
            }
        }
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.expect(&[Kind::String, Kind::RawString], CONTEXT)?;
        let name = self.name(&token, CONTEXT)?;
        self.expect(&[Kind::RightDelim], CONTEXT)?;
        self.body(name, CONTEXT)
    }

    /// Reads the body of a template of its own, up to its `end`.
    fn body(&mut self, name: String, context: &str) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let (root, end) = self.nested(Self::list)?;
        self.scope = outer;
        if !matches!(end, Item::End) {
            return self.error(format!("unexpected {} in {context}", end.written()));
        }
        self.add(name, root)
    }

    fn name(&mut self, token: &Token<'_>, context: &str) -> Parsed<String> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match unquoted(token.text) {
            Some(name) => Ok(name),
            None => self.error("invalid syntax"),
        }
    }

    /// Reads nodes up to an `end` or `else`.
    fn list(&mut self) -> Parsed<(Vec<Node>, Item)> {
        let mut nodes = Vec::new();
        while self.tokens.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                end => return Ok((nodes, end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.tokens.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.at, Arc::from(token.text)))),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let action = self.action();
                self.action_line = 0;
                action
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.tokens.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break | Kind::Continue => self.jump(&token)?,
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(&[Kind::RightDelim], "end")?;
                return Ok(Item::End);
            }
            Kind::If => Node::If(self.control(Control::If)?),
            Kind::Range => Node::Range(self.control(Control::Range)?),
            Kind::Template => self.template()?,
            Kind::With => Node::With(self.control(Control::With)?),
            _ => {
                let at = token.at;
                self.tokens.put_back(token);
                Node::Action(at, self.pipe("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, token: &Token<'_>) -> Parsed<Node> {
        let (context, node) = match token.kind {
            Kind::Break => ("{{break}}", Node::Break(token.at)),
            _ => ("{{continue}}", Node::Continue(token.at)),
        };
        let end = self.tokens.next_non_space();
        if end.kind != Kind::RightDelim {
            return self.unexpected(&end, context);
        }
        if self.scope.ranges == 0 {
            return self.error(format!("{context} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn otherwise(&mut self) -> Parsed<Item> {
        let kind = self.tokens.peek_non_space().kind;
        if matches!(kind, Kind::If | Kind::With) {
            return Ok(Item::Else(Some(kind)));
        }
        self.expect(&[Kind::RightDelim], "else")?;
        Ok(Item::Else(None))
    }

    fn control(&mut self, control: Control) -> Parsed<Branch> {
        let variables = self.scope.variables.len();
        let branch = self.nested(|parser| parser.branch(control));
        self.scope.variables.truncate(variables);
        branch
    }

    fn branch(&mut self, control: Control) -> Parsed<Branch> {
        let pipe = self.pipe(control.word(), Kind::RightDelim)?;
        let is_range = usize::from(control == Control::Range);
        self.scope.ranges += is_range;
        let listed = self.list();
        self.scope.ranges -= is_range;
        let (list, next) = listed?;
        let otherwise = match next {
            Item::Else(word) => Some(self.else_of(control, word)?),
            _ => None,
        };
        Ok(Branch {
            at: pipe.at,
            pipe,
            list,
            otherwise,
        })
    }

    fn else_of(&mut self, control: Control, word: Option<Kind>) -> Parsed<Vec<Node>> {
        match (control, word) {
            (Control::If, Some(Kind::If)) => {
                self.tokens.next_non_space();
                return Ok(vec![Node::If(self.control(Control::If)?)]);
            }
            (Control::With, Some(Kind::With)) => {
                self.tokens.next_non_space();
                return Ok(vec![Node::With(self.control(Control::With)?)]);
            }
            _ => {}
        }
        let (nodes, end) = self.list()?;
        if !matches!(end, Item::End) {
            return self.error(format!("expected end; found {}", end.written()));
        }
        Ok(nodes)
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.tokens.next_non_space();
        let name = self.name(&token, CONTEXT)?;
        let pipe = self.pipe(CONTEXT, Kind::RightDelim)?;
        self.body(name.clone(), CONTEXT)?;
        Ok(Node::Template(token.at, name, Some(pipe)))
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.tokens.next_non_space();
        let name = self.name(&token, CONTEXT)?;
        let next = self.tokens.next_non_space();
        let pipe = if next.kind == Kind::RightDelim {
            None
        } else {
            self.tokens.put_back(next);
            Some(self.pipe(CONTEXT, Kind::RightDelim)?)
        };
        Ok(Node::Template(token.at, name, pipe))
    }

    fn is_function(&self, name: &str) -> bool {
        builtins::signature(name).is_some() || self.functions.signature(name).is_some()
    }

    /// Reads a pipeline up to its end.
    fn pipe(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let at = self.tokens.peek_non_space().at;
        let mut pipe = Pipe {
            at,
            variables: Vec::new(),
            is_assignment: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.tokens.next_non_space();
            if token.kind == end {
                break;
            }
            if !begins_operand(token.kind) {
                return self.unexpected(&token, context);
            }
            self.tokens.put_back(token);
            let command = self.command()?;
            pipe.commands.push(command);
        }
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (stage, command) in (1..).zip(&pipe.commands).skip(1) {
            if !operand::is_executable(command) {
                return self.error(format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(pipe)
    }

    /// Reads `$x :=`, `$x =` or the two of a range, where a pipeline begins with them.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        while self.tokens.peek_non_space().kind == Kind::Variable {
            let variable = self.tokens.next_non_space();
            let next = self.tokens.peek_past_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.is_assignment = next.kind == Kind::Assign;
                    self.tokens.next_non_space();
                    self.declare(pipe, variable.text);
                    return Ok(());
                }
                Kind::Char if next.text == "," => {
                    self.tokens.next_non_space();
                    self.declare(pipe, variable.text);
                    if context != "range" || pipe.variables.len() >= 2 {
                        return self.error(format!("too many declarations in {context}"));
                    }
                    let kind = self.tokens.peek_non_space().kind;
                    if !matches!(kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                        return self.error("range can only initialize variables");
                    }
                }
                _ => {
                    self.tokens.put_back(variable);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn declare(&mut self, pipe: &mut Pipe, name: &str) {
        pipe.variables.push(name.to_owned());
        self.scope.variables.push(name.to_owned());
    }
}

fn begins_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::CharConstant
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::RawString
            | Kind::String
            | Kind::Variable
            | Kind::LeftParen
    )
}

/// A token as errors show it.
fn shown(token: &Token<'_>) -> String {
    const SHOWN_CHARS: usize = 10;
    match token.kind {
        Kind::Eof => "EOF".to_owned(),
        Kind::Dot
        | Kind::Block
        | Kind::Break
        | Kind::Continue
        | Kind::Define
        | Kind::Else
        | Kind::End
        | Kind::If
        | Kind::Nil
        | Kind::Range
        | Kind::Template
        | Kind::With => format!("<{}>", token.text),
        _ if token.text.len() > SHOWN_CHARS => {
            let start: String = token.text.chars().take(SHOWN_CHARS).collect();
            format!("{}...", quoted(&start))
        }
        _ => quoted(token.text),
    }
}
