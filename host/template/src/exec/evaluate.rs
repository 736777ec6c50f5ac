//! The values of pipelines, commands, fields and calls.

use super::{Done, Run};
use crate::builtins;
use crate::node::{Command, Expr, ExprKind, Number, Piece, Pipe};
use crate::value::{Signature, Value};

/// What a command calls.
#[derive(Clone, Copy)]
pub(super) enum Callee<'a> {
    Builtin(&'a str),
    Function(&'a str),
    Method(&'a Value, &'static crate::value::Method),
}

impl<'t> Run<'t> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Done<Value> {
        self.at(Piece::Pipe(pipe));
        self.nested(|run| {
            let mut value = None;
            for command in &pipe.commands {
                value = Some(run.command(dot, command, value)?);
            }
            let value = value.unwrap_or(Value::Nil);
            for name in &pipe.variables {
                if pipe.is_assignment {
                    run.set(name, value.clone())?;
                } else {
                    run.frame.variables.push((name.as_str(), value.clone()));
                }
            }
            Ok(value)
        })
    }

    /// Evaluates a command; `last` is the result of the one before it.
    fn command(&mut self, dot: &Value, command: &'t Command, last: Option<Value>) -> Done<Value> {
        self.step()?;
        let Some((first, arguments)) = command.words.split_first() else {
            return Ok(Value::Nil);
        };
        match &first.kind {
            ExprKind::Identifier(name) => {
                self.at(Piece::Expr(first));
                let place = Piece::Command(command);
                return self.function(dot, name, place, arguments, last);
            }
            ExprKind::Field(names) => {
                self.at(Piece::Expr(first));
                return self.fields(dot, dot.clone(), first, names, arguments, last);
            }
            ExprKind::Chain(..) => return self.chain(dot, first, arguments, last),
            ExprKind::Variable(name, names) if !names.is_empty() => {
                self.at(Piece::Expr(first));
                let value = self.variable(name)?;
                return self.fields(dot, value, first, names, arguments, last);
            }
            _ => {}
        }
        if !matches!(first.kind, ExprKind::Pipe(_)) {
            self.at(Piece::Expr(first));
        }
        if !arguments.is_empty() || last.is_some() {
            return self.error(format!("can't give argument to non-function {first}"));
        }
        if matches!(first.kind, ExprKind::Nil) {
            return self.error("nil is not a command");
        }
        self.operand(dot, first)
    }

    /// The value of anything that stands alone.
    pub(super) fn operand(&mut self, dot: &Value, expr: &'t Expr) -> Done<Value> {
        match &expr.kind {
            ExprKind::Bool(value) => Ok(Value::Bool(*value)),
            ExprKind::Dot => Ok(dot.clone()),
            ExprKind::Nil => Ok(Value::Nil),
            ExprKind::Number(number) => self.constant(number),
            ExprKind::String(_, text) => Ok(Value::String(text.clone())),
            ExprKind::Field(names) => self.fields(dot, dot.clone(), expr, names, &[], None),
            ExprKind::Variable(name, names) => {
                let value = self.variable(name)?;
                if names.is_empty() {
                    return Ok(value);
                }
                self.fields(dot, value, expr, names, &[], None)
            }
            ExprKind::Identifier(name) => self.function(dot, name, Piece::Expr(expr), &[], None),
            ExprKind::Chain(..) => self.chain(dot, expr, &[], None),
            ExprKind::Pipe(pipe) => self.pipeline(dot, pipe),
        }
    }

    /// A constant whose type nobody asks for.
    fn constant(&mut self, number: &Number) -> Done<Value> {
        let is_char = number.text.starts_with('\'');
        let is_hex = number.text.len() > 2 && number.text[..2].eq_ignore_ascii_case("0x");
        match (number.int, number.float) {
            (_, Some(float)) if !is_char && !is_hex && number.text.contains(['.', 'e', 'E']) => {
                Ok(Value::Float(float))
            }
            (Some(int), _) => Ok(Value::Int(int)),
            _ => self.error(format!("{} overflows int", number.text)),
        }
    }

    fn variable(&mut self, name: &str) -> Done<Value> {
        let mut variables = self.frame.variables.iter().rev();
        match variables.find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn chain(
        &mut self,
        dot: &Value,
        expr: &'t Expr,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        self.at(Piece::Expr(expr));
        let ExprKind::Chain(inner, names) = &expr.kind else {
            return self.operand(dot, expr);
        };
        if matches!(inner.kind, ExprKind::Nil) {
            return self.error(format!("indirection through explicit nil in {expr}"));
        }
        self.at(Piece::Expr(inner));
        let value = self.operand(dot, inner)?;
        self.fields(dot, value, expr, names, arguments, last)
    }

    /// Follows names from a value; the arguments are for the last one.
    fn fields(
        &mut self,
        dot: &Value,
        mut value: Value,
        expr: &'t Expr,
        names: &'t [String],
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        let Some((end, path)) = names.split_last() else {
            return Ok(value);
        };
        for (place, name) in path.iter().enumerate() {
            let was_there = !matches!(value, Value::Nil);
            value = self.field(dot, &value, expr, name, &[], None)?;
            // A missing value can be shown, but has nothing in it; of nothing at all there is
            // nothing.
            if was_there
                && matches!(value, Value::Nil)
                && let Some(next) = names.get(place + 1)
            {
                return self.error(format!("nil pointer evaluating interface {{}}.{next}"));
            }
        }
        self.field(dot, &value, expr, end, arguments, last)
    }

    fn field(
        &mut self,
        dot: &Value,
        value: &Value,
        expr: &'t Expr,
        name: &str,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        if matches!(value, Value::Nil) {
            return Ok(Value::Nil);
        }
        let mut methods = value.methods().iter();
        if let Some(method) = methods.find(|method| method.signature.name == name) {
            let callee = Callee::Method(value, method);
            return self.call(
                dot,
                callee,
                Piece::Expr(expr),
                &method.signature,
                arguments,
                last,
            );
        }
        let has_arguments = !arguments.is_empty() || last.is_some();
        match value {
            Value::Struct(found) => {
                if let Some(field) = found.get(name) {
                    if has_arguments {
                        return self.error(format!(
                            "{name} has arguments but cannot be invoked as function"
                        ));
                    }
                    return Ok(field.clone());
                }
            }
            Value::Map(map) => {
                if has_arguments {
                    return self.error(format!("{name} is not a method but has arguments"));
                }
                return Ok(map.get(name));
            }
            _ => {}
        }
        let ty = value.type_name();
        self.error(format!("can't evaluate field {name} in type {ty}"))
    }

    fn function(
        &mut self,
        dot: &Value,
        name: &'t str,
        place: Piece<'t>,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        let functions = self.functions;
        if let Some(signature) = functions.signature(name) {
            let callee = Callee::Function(name);
            return self.call(dot, callee, place, signature, arguments, last);
        }
        let Some(signature) = builtins::signature(name) else {
            return self.error(format!("{name:?} is not a defined function"));
        };
        if matches!(name, "and" | "or") {
            return self.first_decided(dot, signature, name == "or", arguments, last);
        }
        let callee = Callee::Builtin(name);
        self.call(dot, callee, place, signature, arguments, last)
    }

    /// `and` and `or` look at no more arguments than they need.
    fn first_decided(
        &mut self,
        dot: &Value,
        signature: &Signature,
        decides: bool,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        self.check_count(signature, arguments.len(), usize::from(last.is_some()))?;
        let mut value = Value::Nil;
        for (place, argument) in arguments.iter().enumerate() {
            value = self.argument(dot, signature.param(place), argument)?;
            if value.is_true() == decides {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}
