//! Executes templates: walks the nodes, keeps the variables, and stops what goes over a limit.
//!
//! Each rule here, and each word of an error, is that of Go's text/template with
//! `missingkey=zero`, which is what Prometheus and Alertmanager execute with.

mod arguments;
mod evaluate;
mod output;

use self::output::Output;
use crate::error::ExecuteError;
use crate::functions::Functions;
use crate::limits::{LEVELS_MAX, Limits};
use crate::node::{Branch, Node, Piece, Pipe, Tree};
use crate::printing;
use crate::quote::quoted;
use crate::template::Templates;
use crate::value::Value;

pub(crate) fn execute(
    templates: &Templates,
    tree: &Tree,
    data: &Value,
    functions: &dyn Functions,
    limits: &Limits,
    is_html: bool,
) -> Result<String, ExecuteError> {
    let mut run = Run {
        templates,
        functions,
        limits,
        output: Output::new(limits.output_bytes_max, is_html),
        frame: Frame::new(tree, data.clone()),
        piece: None,
        depth: 0,
        levels: 0,
        steps: 0,
    };
    run.walk_list(data, &tree.root)?;
    run.finish()
}

/// A template being executed, and its variables.
#[derive(Debug)]
struct Frame<'t> {
    tree: &'t Tree,
    variables: Vec<(&'t str, Value)>,
}

impl<'t> Frame<'t> {
    fn new(tree: &'t Tree, dot: Value) -> Self {
        Self {
            tree,
            variables: vec![("$", dot)],
        }
    }
}

/// What a node says about those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Run<'t> {
    templates: &'t Templates,
    functions: &'t dyn Functions,
    limits: &'t Limits,
    output: Output,
    frame: Frame<'t>,
    /// What is being executed: errors name it.
    piece: Option<Piece<'t>>,
    /// Templates within templates.
    depth: usize,
    /// Blocks, parentheses and templates within one another.
    levels: usize,
    steps: usize,
}

type Done<T> = Result<T, ExecuteError>;

impl<'t> Run<'t> {
    fn error<T>(&self, what: impl AsRef<str>) -> Done<T> {
        let (tree, what) = (self.frame.tree, what.as_ref());
        let Some(piece) = self.piece else {
            return Err(ExecuteError(format!("template: {}: {what}", tree.name)));
        };
        let place = tree.source.place(piece.at());
        let name = quoted(&tree.name);
        Err(ExecuteError(format!(
            "template: {place}: executing {name} at <{piece}>: {what}"
        )))
    }

    fn at(&mut self, piece: Piece<'t>) {
        self.piece = Some(piece);
    }

    fn step(&mut self) -> Done<()> {
        self.work(1)
    }

    /// Counts so many steps.
    fn work(&mut self, steps: usize) -> Done<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.limits.steps_max {
            let steps = self.limits.steps_max;
            return self.error(format!("exceeded the limit of {steps} steps"));
        }
        Ok(())
    }

    /// Goes one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.levels >= LEVELS_MAX {
            return self.error(format!("exceeded the limit of {LEVELS_MAX} levels"));
        }
        self.levels += 1;
        let result = inner(self);
        self.levels -= 1;
        result
    }

    fn finish(mut self) -> Done<String> {
        match self.output.finish() {
            Ok(text) => Ok(text),
            Err(what) => self.error(what),
        }
    }

    /// Looks whether what was written last is within its limits and in a place that can be
    /// escaped.
    fn written(&mut self, result: Result<(), String>) -> Done<()> {
        result.or_else(|what| self.error(what))
    }

    fn walk_list(&mut self, dot: &Value, nodes: &'t [Node]) -> Done<Flow> {
        self.nested(|run| {
            for node in nodes {
                let flow = run.walk(dot, node)?;
                if flow != Flow::Next {
                    return Ok(flow);
                }
            }
            Ok(Flow::Next)
        })
    }

    fn walk(&mut self, dot: &Value, node: &'t Node) -> Done<Flow> {
        self.at(Piece::Node(node));
        self.step()?;
        match node {
            Node::Text(_, text) => {
                let result = self.output.literal(text);
                self.written(result)?;
            }
            Node::Action(_, pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.at(Piece::Node(node));
                    self.print(pipe, &value)?;
                }
            }
            Node::If(branch) => return self.walk_branch(dot, branch, false),
            Node::With(branch) => return self.walk_branch(dot, branch, true),
            Node::Range(branch) => return self.walk_range(dot, branch),
            Node::Template(_, name, pipe) => self.walk_template(dot, name, pipe.as_ref())?,
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, pipe: &Pipe, value: &Value) -> Done<()> {
        let result = if self.output.is_html() {
            self.output.escaped(pipe, value)
        } else {
            self.output.plain(&printing::printed(value))
        };
        self.written(result)
    }

    fn walk_branch(&mut self, dot: &Value, branch: &'t Branch, is_with: bool) -> Done<Flow> {
        let mark = self.frame.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            let dot = if is_with { &value } else { dot };
            self.walk_list(dot, &branch.list)
        } else if let Some(otherwise) = &branch.otherwise {
            self.walk_list(dot, otherwise)
        } else {
            Ok(Flow::Next)
        };
        self.frame.variables.truncate(mark);
        flow
    }

    fn walk_range(&mut self, dot: &Value, branch: &'t Branch) -> Done<Flow> {
        let outer = self.frame.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let mark = self.frame.variables.len();
        let ran = self.iterate(branch, &value, mark);
        let flow = match ran {
            Ok(false) => match &branch.otherwise {
                Some(otherwise) => self.walk_list(dot, otherwise),
                None => Ok(Flow::Next),
            },
            Ok(true) => Ok(Flow::Next),
            Err(error) => Err(error),
        };
        self.frame.variables.truncate(outer);
        flow
    }

    /// Walks a range's list for each element; whether there was any.
    fn iterate(&mut self, branch: &'t Branch, value: &Value, mark: usize) -> Done<bool> {
        match value {
            Value::Nil => Ok(false),
            Value::Int(_) | Value::Byte(_) | Value::Duration(_) | Value::Name(_) => {
                if branch.pipe.variables.len() > 1 {
                    let shown = printing::printed(value);
                    return self.error(format!(
                        "can't use {shown} to iterate over more than one variable"
                    ));
                }
                let count = value.as_int().unwrap_or_default();
                for i in 0..count {
                    let element = match value {
                        Value::Duration(_) => Value::Duration(crate::time::Duration::from_nanos(i)),
                        _ => Value::Int(i),
                    };
                    if self.once(branch, mark, Value::Nil, element)? == Flow::Break {
                        break;
                    }
                }
                Ok(count > 0)
            }
            Value::List(list) => {
                for (i, item) in (0..).zip(list.items()) {
                    if self.once(branch, mark, Value::Int(i), item.clone())? == Flow::Break {
                        break;
                    }
                }
                Ok(!list.items().is_empty())
            }
            Value::Map(map) => {
                for (key, item) in map.entries() {
                    let key = Value::String(key.clone());
                    if self.once(branch, mark, key, item.clone())? == Flow::Break {
                        break;
                    }
                }
                Ok(!map.entries().is_empty())
            }
            other => {
                let shown = printing::printed(other);
                self.error(format!("range can't iterate over {shown}"))
            }
        }
    }

    fn once(
        &mut self,
        branch: &'t Branch,
        mark: usize,
        index: Value,
        element: Value,
    ) -> Done<Flow> {
        self.step()?;
        let pipe = &branch.pipe;
        match (pipe.variables.as_slice(), pipe.is_assignment) {
            ([], _) => {}
            ([one], true) => self.set(one, element.clone())?,
            ([first, second, ..], true) => {
                self.set(first, index)?;
                self.set(second, element.clone())?;
            }
            ([_], false) => self.set_top(1, element.clone()),
            (_, false) => {
                self.set_top(1, element.clone());
                self.set_top(2, index);
            }
        }
        let flow = self.walk_list(&element, &branch.list);
        self.frame.variables.truncate(mark);
        flow
    }

    fn set(&mut self, name: &str, value: Value) -> Done<()> {
        let mut variables = self.frame.variables.iter_mut().rev();
        match variables.find(|(known, _)| *known == name) {
            Some((_, known)) => {
                *known = value;
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    /// Sets the variable that was declared so many before the end.
    fn set_top(&mut self, from_end: usize, value: Value) {
        let at = self.frame.variables.len().checked_sub(from_end);
        if let Some((_, known)) = at.and_then(|at| self.frame.variables.get_mut(at)) {
            *known = value;
        }
    }

    fn walk_template(&mut self, dot: &Value, name: &str, pipe: Option<&'t Pipe>) -> Done<()> {
        let Some(tree) = self.templates.tree(name) else {
            return self.error(format!("template {} not defined", quoted(name)));
        };
        if self.depth >= self.limits.depth_max {
            let depth = self.limits.depth_max;
            return self.error(format!("exceeded maximum template depth ({depth})"));
        }
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        self.enter(tree, &dot)
    }

    /// Executes another template in place.
    fn enter(&mut self, tree: &'t Tree, dot: &Value) -> Done<()> {
        let (frame, piece) = (Frame::new(tree, dot.clone()), self.piece);
        let outer = std::mem::replace(&mut self.frame, frame);
        self.depth += 1;
        // A template that fails takes the execution with it: nothing is put back then.
        self.walk_list(dot, &tree.root)?;
        self.depth -= 1;
        self.frame = outer;
        self.piece = piece;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
