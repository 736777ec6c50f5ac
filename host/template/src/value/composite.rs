//! Lists, maps and structs, and the types they are of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Signature, Value};

/// What a list or map holds, and so what a missing key of a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `string`: a missing one is empty.
    String,
    /// Anything: a missing one is no value.
    Any,
}

impl Element {
    /// Go's zero value of the type.
    pub fn zero(self) -> Value {
        match self {
            Self::String => Value::string(""),
            Self::Any => Value::Nil,
        }
    }
}

/// What a template can call on a value.
#[derive(Debug)]
pub struct Method {
    /// Its name and what it takes.
    pub signature: Signature,
    /// Calls it on a value of its type. The arguments have been checked against the signature.
    pub call: fn(&Value, &[Value]) -> Result<Value, String>,
}

/// The type of a list, a map or a struct.
#[derive(Debug)]
pub struct Type {
    /// As Go prints it, without the star of a pointer.
    pub name: &'static str,
    /// What a list or map holds.
    pub element: Element,
    /// What can be called on it.
    pub methods: &'static [Method],
    /// Its own text, where it has one; else Go's rules for the kind.
    pub text: Option<fn(&Value) -> String>,
}

impl Type {
    /// `[]string`.
    pub const STRINGS: Self = Self::plain("[]string", Element::String);
    /// `[]interface {}`.
    pub const LIST: Self = Self::plain("[]interface {}", Element::Any);
    /// `map[string]string`.
    pub const STRING_MAP: Self = Self::plain("map[string]string", Element::String);
    /// `map[string]interface {}`.
    pub const MAP: Self = Self::plain("map[string]interface {}", Element::Any);

    /// A type without methods.
    pub const fn plain(name: &'static str, element: Element) -> Self {
        Self {
            name,
            element,
            methods: &[],
            text: None,
        }
    }
}

/// How much there is to a value with all that lies in it, each as often as it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    /// How many lists, maps and structs lie in one another.
    pub(crate) depth: usize,
    /// About the bytes that it is printed in.
    pub(crate) bytes: usize,
}

impl Measure {
    /// Of something that holds these.
    fn around<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let mut around = Self::default();
        for value in values {
            let inner = value.measure();
            around.depth = around.depth.max(inner.depth);
            around.bytes = around.bytes.saturating_add(inner.bytes);
        }
        around.depth += 1;
        around
    }

    /// With so many bytes more.
    fn with(self, bytes: usize) -> Self {
        Self {
            bytes: self.bytes.saturating_add(bytes),
            ..self
        }
    }
}

/// A slice.
#[derive(Debug, Clone)]
pub struct List {
    ty: &'static Type,
    items: Arc<[Value]>,
    measure: Measure,
}

impl List {
    /// A list of a type.
    pub fn new(ty: &'static Type, items: Vec<Value>) -> Self {
        Self {
            ty,
            measure: Measure::around(items.iter()),
            items: items.into(),
        }
    }

    /// Its type.
    pub fn ty(&self) -> &'static Type {
        self.ty
    }

    pub(crate) fn measure(&self) -> Measure {
        self.measure
    }

    /// What it holds.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

/// A map from strings. It is walked and printed in the order of its keys.
#[derive(Debug, Clone)]
pub struct Map {
    ty: &'static Type,
    entries: Arc<BTreeMap<Arc<str>, Value>>,
    measure: Measure,
}

impl Map {
    /// A map of a type; of two equal keys the later holds.
    pub fn new(ty: &'static Type, entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Self {
        let entries: BTreeMap<Arc<str>, Value> = entries.into_iter().collect();
        let names = entries.keys().map(|name| name.len()).sum();
        Self {
            ty,
            measure: Measure::around(entries.values()).with(names),
            entries: Arc::new(entries),
        }
    }

    /// Its type.
    pub fn ty(&self) -> &'static Type {
        self.ty
    }

    pub(crate) fn measure(&self) -> Measure {
        self.measure
    }

    /// What it holds.
    pub fn entries(&self) -> &BTreeMap<Arc<str>, Value> {
        &self.entries
    }

    /// The value of a key, or the zero value of what it holds.
    pub fn get(&self, key: &str) -> Value {
        let found = self.entries.get(key).cloned();
        found.unwrap_or_else(|| self.ty.element.zero())
    }
}

/// A struct, or a pointer to one: a value with named fields.
#[derive(Debug, Clone)]
pub struct Struct {
    ty: &'static Type,
    is_pointer: bool,
    fields: Arc<[(&'static str, Value)]>,
    measure: Measure,
}

impl Struct {
    /// A struct with its fields in the order in which Go prints them.
    pub fn new(ty: &'static Type, fields: Vec<(&'static str, Value)>) -> Self {
        Self {
            ty,
            is_pointer: false,
            measure: Measure::around(fields.iter().map(|(_, value)| value)),
            fields: fields.into(),
        }
    }

    /// A pointer to such a struct: it differs in what `%v` and `%T` print.
    pub fn pointer(ty: &'static Type, fields: Vec<(&'static str, Value)>) -> Self {
        Self {
            is_pointer: true,
            ..Self::new(ty, fields)
        }
    }

    /// Its type, or what it points to.
    pub fn ty(&self) -> &'static Type {
        self.ty
    }

    /// Whether it is a pointer.
    pub fn is_pointer(&self) -> bool {
        self.is_pointer
    }

    pub(crate) fn measure(&self) -> Measure {
        self.measure
    }

    /// Its fields.
    pub fn fields(&self) -> &[(&'static str, Value)] {
        &self.fields
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let mut fields = self.fields.iter();
        fields.find_map(|(field, value)| (*field == name).then_some(value))
    }
}
