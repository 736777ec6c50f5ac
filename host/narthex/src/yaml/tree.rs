//! A document as a tree whose every value knows where it stands.
//!
//! It is not: where values get a meaning. What a scalar stands for depends on who asks for it
//! (see [`super::scalar`]), and a field that nobody knows is found when the tree is read.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::{DEPTH_MAX, Place};

/// All aliases of a document together may stand for this many values; one more is a fault. It is
/// what bounds a bomb of aliases: without them a document has no more values than bytes.
const ALIAS_NODES_MAX: usize = 1_000_000;

/// A value and where it is written: one that came by an alias or a merge is where the anchor is.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// This value and those in it, aliases counted as what they stand for.
    size: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Arc<Node>>),
    Map(Vec<Field>),
    /// It was faulty and is read as if it were not there.
    Pruned,
}

/// A text, and whether it was written plainly, so that it may stand for something else.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) is_plain: bool,
}

/// A field of a map; no two of a map have the same name.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) value: Arc<Node>,
}

/// What a document is, and what is wrong with it so far: fields that are there twice, and the
/// like, which do not keep the rest from being read.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Arc<Node>,
    pub(super) faults: Vec<(Place, String)>,
    /// Where a second document begins, which nobody reads.
    pub(super) second: Option<Place>,
}

impl Node {
    /// Nothing at all.
    fn null(place: Place) -> Self {
        Self::new(
            place,
            Value::Scalar(Scalar {
                text: String::new(),
                is_plain: true,
            }),
        )
    }

    /// A map of fields that stand elsewhere already.
    pub(super) fn map(place: Place, fields: Vec<Field>) -> Self {
        Self::new(place, Value::Map(fields))
    }

    fn new(place: Place, value: Value) -> Self {
        let inside: usize = match &value {
            Value::List(items) => items.iter().map(|item| item.size).sum(),
            Value::Map(fields) => fields.iter().map(|field| field.value.size).sum(),
            Value::Scalar(_) | Value::Pruned => 0,
        };
        Self {
            place,
            value,
            size: inside.saturating_add(1),
        }
    }

    /// Whether it is null, or nothing is written where it would be.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    pub(super) fn is_pruned(&self) -> bool {
        matches!(self.value, Value::Pruned)
    }

    /// The value in it that a step of a path names.
    pub(super) fn step(&self, step: &str) -> Option<&Arc<Node>> {
        match &self.value {
            Value::Map(fields) => {
                let found = fields.iter().find(|field| field.name == step);
                found.map(|field| &field.value)
            }
            Value::List(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
            Value::Scalar(_) | Value::Pruned => None,
        }
    }

    /// The same, to change it.
    pub(super) fn step_mut(&mut self, step: &str) -> Option<&mut Arc<Node>> {
        match &mut self.value {
            Value::Map(fields) => {
                let found = fields.iter_mut().find(|field| field.name == step);
                found.map(|field| &mut field.value)
            }
            Value::List(items) => step.parse().ok().and_then(|at: usize| items.get_mut(at)),
            Value::Scalar(_) | Value::Pruned => None,
        }
    }
}

impl Tree {
    /// Reads the first document of a text, as Prometheus does; what follows it is not looked at.
    ///
    /// # Errors
    /// It is no YAML, or nested too deep, or has too many values.
    pub(super) fn parse(text: &str) -> Result<Self, (Place, String)> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut options = granit_parser::options! {
            block_nesting_limit: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
        };
        options.set_emit_comments(false);
        let mut loader = Loader {
            parser: Parser::new_from_str_with_options(text, options),
            anchors: Vec::new(),
            faults: Vec::new(),
            aliased: 0,
        };
        let mut root = Node::null((1, 1));
        loop {
            match loader.next()? {
                (Event::DocumentEnd | Event::StreamEnd, _) => break,
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (event, span) => root = loader.node(event, span, None, 0)?,
            }
        }
        let second = loop {
            // Whatever follows, Prometheus has stopped reading.
            match loader.parser.next_event() {
                Some(Ok((Event::DocumentStart(..), span))) => break Some(place(span.start)),
                Some(Ok((Event::StreamEnd, _)) | Err(_)) | None => break None,
                Some(Ok(_)) => {}
            }
        };
        Ok(Self {
            root: Arc::new(root),
            faults: loader.faults,
            second,
        })
    }
}

fn place(marker: Marker) -> Place {
    (marker.line().max(1) as u64, marker.col() as u64 + 1)
}

struct Loader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// By their number, from 1.
    anchors: Vec<Option<Arc<Node>>>,
    faults: Vec<(Place, String)>,
    /// So many values came by aliases.
    aliased: usize,
}

type Loaded<T> = Result<T, (Place, String)>;

impl<'t> Loader<'t> {
    fn next(&mut self) -> Loaded<(Event<'t>, Span)> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The value that begins with this event. Where nothing is written, it is where `key` is.
    fn node(
        &mut self,
        event: Event<'t>,
        span: Span,
        key: Option<Place>,
        depth: usize,
    ) -> Loaded<Node> {
        let at = place(span.start);
        if depth > DEPTH_MAX {
            return Err((at, format!("nested over {DEPTH_MAX} deep")));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
                let is_empty = text.is_empty() && style == ScalarStyle::Plain;
                let place = key.filter(|_| is_empty).unwrap_or(at);
                let node = Node::new(
                    place,
                    Value::Scalar(Scalar {
                        text: text.into_owned(),
                        is_plain: style == ScalarStyle::Plain && !is_text,
                    }),
                );
                self.keep(anchor, &node);
                Ok(node)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd | Event::StreamEnd, _) => break,
                        (event, span) => {
                            items.push(Arc::new(self.node(event, span, None, depth + 1)?));
                        }
                    }
                }
                let node = Node::new(at, Value::List(items));
                self.keep(anchor, &node);
                Ok(node)
            }
            Event::MappingStart(_, anchor, _) => {
                let fields = self.fields(depth)?;
                let node = Node::map(at, fields);
                self.keep(anchor, &node);
                Ok(node)
            }
            Event::Alias(anchor) => {
                let named = anchor.checked_sub(1).and_then(|at| self.anchors.get(at));
                let Some(Some(node)) = named else {
                    return Err((at, "an alias within what it stands for".to_owned()));
                };
                self.aliased = self.aliased.saturating_add(node.size);
                if self.aliased > ALIAS_NODES_MAX {
                    let text = format!("the aliases stand for over {ALIAS_NODES_MAX} values");
                    return Err((at, text));
                }
                // Cheap: what is in it is shared.
                Ok(Node::clone(node))
            }
            _ => Err((at, "a value is missing".to_owned())),
        }
    }

    fn keep(&mut self, anchor: usize, node: &Node) {
        let Some(at) = anchor.checked_sub(1) else {
            return;
        };
        if self.anchors.len() <= at {
            self.anchors.resize(at + 1, None);
        }
        self.anchors[at] = Some(Arc::new(node.clone()));
    }

    fn fields(&mut self, depth: usize) -> Loaded<Vec<Field>> {
        let mut fields: Vec<Field> = Vec::new();
        let mut names: HashMap<String, Place> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                next => next,
            };
            let key = self.node(event, span, None, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, Some(key.place), depth + 1)?;
            let Value::Scalar(name) = &key.value else {
                let fault = "the name of a field must be a text".to_owned();
                self.faults.push((key.place, fault));
                continue;
            };
            if name.is_plain && name.text == "<<" {
                merged.push(value);
                continue;
            }
            if let Some((line, _)) = names.get(&name.text) {
                let text = format!("field {:?} is there already, in line {line}", name.text);
                self.faults.push((key.place, text));
                continue;
            }
            names.insert(name.text.clone(), key.place);
            fields.push(Field {
                name: name.text.clone(),
                place: key.place,
                value: Arc::new(value),
            });
        }
        for value in merged {
            self.merge(&value, &mut fields, &mut names);
        }
        Ok(fields)
    }

    /// Adds the fields of a map, or of a list of maps, that are not there yet.
    fn merge(&mut self, from: &Node, fields: &mut Vec<Field>, names: &mut HashMap<String, Place>) {
        match &from.value {
            Value::Map(others) => {
                for other in others {
                    if !names.contains_key(&other.name) {
                        names.insert(other.name.clone(), other.place);
                        fields.push(other.clone());
                    }
                }
            }
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                for item in items {
                    self.merge(item, fields, names);
                }
            }
            _ => {
                let fault = "`<<` takes a map, or a list of maps".to_owned();
                self.faults.push((from.place, fault));
            }
        }
    }
}

fn syntax(error: &ScanError) -> (Place, String) {
    (place(*error.marker()), error.info())
}
