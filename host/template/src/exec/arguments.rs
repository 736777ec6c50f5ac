//! Calls: the arguments evaluated, checked against what is taken, and the function called.

use super::evaluate::Callee;
use super::{Done, Run};
use crate::builtins;
use crate::limits::{REGEX_STEPS, STEP_BYTES, VALUE_BYTES_MAX, VALUE_DEPTH_MAX};
use crate::node::{Expr, ExprKind, Piece};
use crate::time::Duration;
use crate::value::{List, Map, Markup, Param, Signature, Value};

/// Executes a template of the set by its name: a function that only the executor can be.
const TEMPLATE_FUNCTION: &str = "tmpl";

impl<'t> Run<'t> {
    pub(super) fn check_count(
        &mut self,
        signature: &Signature,
        written: usize,
        piped: usize,
    ) -> Done<()> {
        let (name, wanted, got) = (signature.name, signature.params.len(), written + piped);
        if signature.rest.is_some() {
            if got < wanted {
                return self.error(format!(
                    "wrong number of args for {name}: want at least {wanted} got {written}"
                ));
            }
        } else if got != wanted {
            return self.error(format!(
                "wrong number of args for {name}: want {wanted} got {got}"
            ));
        }
        Ok(())
    }

    pub(super) fn call(
        &mut self,
        dot: &Value,
        callee: Callee<'_>,
        place: Piece<'t>,
        signature: &Signature,
        arguments: &'t [Expr],
        last: Option<Value>,
    ) -> Done<Value> {
        self.check_count(signature, arguments.len(), usize::from(last.is_some()))?;
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for (at, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, signature.param(at), argument)?);
        }
        if let Some(last) = last {
            values.push(self.checked(last, signature.param(values.len()))?);
        }
        let texts = values.iter().filter_map(Value::as_str);
        let bytes: usize = texts.map(str::len).sum();
        let regex = matches!(signature.name, "match" | "reReplaceAll");
        self.work(bytes / STEP_BYTES + if regex { REGEX_STEPS } else { 0 })?;
        let called = match callee {
            Callee::Function(TEMPLATE_FUNCTION) => return self.template_function(place, &values),
            Callee::Function(name) => self.functions.call(name, &values),
            Callee::Builtin("call") => {
                let shown = arguments.first().map(ToString::to_string);
                Err(builtins::no_function(shown, &values))
            }
            Callee::Builtin(name) => builtins::call(name, &values, self.limits),
            Callee::Method(value, method) => (method.call)(value, &values),
        };
        let value = called.or_else(|what| {
            self.at(place);
            self.error(format!("error calling {}: {what}", signature.name))
        })?;
        self.check_made(signature.name, &value)?;
        Ok(value)
    }

    /// Looks whether what a function made is within the limits, and counts its size.
    fn check_made(&mut self, name: &str, value: &Value) -> Done<()> {
        let measure = value.measure();
        let (bytes_max, work) = match value {
            Value::List(list) => (VALUE_BYTES_MAX, list.items().len()),
            Value::Map(map) => (VALUE_BYTES_MAX, map.entries().len()),
            Value::String(text) | Value::Markup(_, text) => {
                (self.limits.output_bytes_max, text.len() / STEP_BYTES)
            }
            _ => return Ok(()),
        };
        self.work(work)?;
        if measure.depth > VALUE_DEPTH_MAX {
            return self.error(format!(
                "{name} made a value of more than {VALUE_DEPTH_MAX} values in one another"
            ));
        }
        if measure.bytes > bytes_max.saturating_add(8) {
            return self.error(format!("{name} made more than {bytes_max} bytes"));
        }
        Ok(())
    }

    fn template_function(&mut self, place: Piece<'t>, values: &[Value]) -> Done<Value> {
        let [name, data] = values else {
            return Ok(Value::Nil);
        };
        let name = name.as_str().unwrap_or_default();
        self.at(place);
        let Some(tree) = self.templates.tree(name) else {
            let name = crate::quote::quoted(name);
            return self.error(format!(
                "error calling tmpl: html/template: {name} is undefined"
            ));
        };
        if self.depth >= self.limits.depth_max {
            let depth = self.limits.depth_max;
            return self.error(format!("exceeded maximum template depth ({depth})"));
        }
        let outer = self.output.set_aside();
        self.enter(tree, data)?;
        match self.output.take_back(outer) {
            Ok(text) => Ok(Value::Markup(Markup::Html, text.into())),
            Err(what) => self.error(what),
        }
    }

    pub(super) fn argument(&mut self, dot: &Value, param: Param, expr: &'t Expr) -> Done<Value> {
        self.step()?;
        self.at(Piece::Expr(expr));
        match &expr.kind {
            ExprKind::Nil if param.takes_nil() => Ok(zero(param)),
            ExprKind::Nil => self.error(format!("cannot assign nil to {}", param.type_name())),
            ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String(..) => {
                self.literal(dot, param, expr)
            }
            _ => {
                let value = self.operand(dot, expr)?;
                self.checked(value, param)
            }
        }
    }

    /// A constant takes the type that is asked for.
    fn literal(&mut self, dot: &Value, param: Param, expr: &'t Expr) -> Done<Value> {
        let wanted = match (param, &expr.kind) {
            (Param::Any, _) => return self.operand(dot, expr),
            (Param::Bool, ExprKind::Bool(value)) => return Ok(Value::Bool(*value)),
            (Param::String, ExprKind::String(_, text)) => return Ok(Value::String(text.clone())),
            (Param::Float, ExprKind::Number(number)) => match number.float {
                Some(float) => return Ok(Value::Float(float)),
                None => "float",
            },
            (Param::Int | Param::Duration, ExprKind::Number(number)) => match number.int {
                Some(int) if matches!(param, Param::Int) => return Ok(Value::Int(int)),
                Some(int) => return Ok(Value::Duration(Duration::from_nanos(int))),
                None => "integer",
            },
            (Param::Bool, _) => "bool",
            (Param::String, _) => "string",
            (Param::Float, _) => "float",
            (Param::Int | Param::Duration, _) => "integer",
            (Param::Time | Param::Of(_) | Param::PointerTo(_), _) => {
                let ty = param.type_name();
                return self.error(format!("can't handle {expr} for arg of type {ty}"));
            }
        };
        self.error(format!("expected {wanted}; found {expr}"))
    }

    fn checked(&mut self, value: Value, param: Param) -> Done<Value> {
        let wanted = || param.type_name();
        if matches!(value, Value::Nil) {
            if param.takes_nil() {
                return Ok(zero(param));
            }
            return self.error(format!("invalid value; expected {}", wanted()));
        }
        if param.takes(&value) {
            return Ok(value);
        }
        let (wanted, got) = (wanted(), value.type_name());
        self.error(format!(
            "wrong type for value; expected {wanted}; got {got}"
        ))
    }
}

/// Nil as a type has it: a list or map with nothing in it.
fn zero(param: Param) -> Value {
    match param {
        Param::Of(ty) if ty.name.starts_with("map") => Value::Map(Map::new(ty, [])),
        Param::Of(ty) => Value::List(List::new(ty, Vec::new())),
        _ => Value::Nil,
    }
}
