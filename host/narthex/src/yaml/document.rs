//! A file that is read part by part, and all that is wrong with it.
//!
//! A value that cannot be read is written down with its place, taken out, and the reading begins
//! again: so each fault is found, and what is right is there for the checks that come after.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::deserialize::NodeDeserializer;
use super::tree::{Field, Node, Tree, Value};
use super::{
    FAULTS_MAX, FILE_BYTES_MAX, Fault, IGNORED_FIELDS_MAX, Place, UnknownFields, YamlError, mention,
};

/// A document, and its faults so far.
#[derive(Debug)]
pub(crate) struct Document {
    file: String,
    text: Arc<str>,
    root: Arc<Node>,
    faults: Vec<Fault>,
    second: Option<Place>,
    unknown: UnknownFields,
    ignored: usize,
}

/// A part of a document that was taken out of it to be read on its own.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    node: Arc<Node>,
    pointer: String,
}

impl Document {
    /// Reads a text as YAML.
    ///
    /// # Errors
    /// It is none, or too large.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, YamlError> {
        let error = |place, message: String| YamlError {
            file: file.to_owned(),
            faults: vec![Fault::new(text, place, message)],
        };
        if text.len() > FILE_BYTES_MAX {
            let message = format!("the file has over {FILE_BYTES_MAX} bytes");
            return Err(error(None, message));
        }
        let tree = Tree::parse(text).map_err(|(place, message)| error(Some(place), message))?;
        let faults = tree.faults.into_iter().take(FAULTS_MAX);
        let faults = faults.map(|(place, message)| Fault::new(text, Some(place), message));
        Ok(Self {
            file: file.to_owned(),
            text: text.into(),
            faults: faults.collect(),
            root: tree.root,
            second: tree.second,
            unknown: UnknownFields::default(),
            ignored: 0,
        })
    }

    /// Says what becomes of fields that nobody knows.
    pub(crate) fn with_unknown(self, unknown: UnknownFields) -> Self {
        Self { unknown, ..self }
    }

    /// The file, as the user named it.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// What the file says.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Where a second document begins, which nobody reads.
    pub(crate) fn second(&self) -> Option<Place> {
        self.second
    }

    /// Reads all that is left of it. `None` where nothing of it can be read; the faults say why.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        let whole = Part {
            node: Arc::clone(&self.root),
            pointer: String::new(),
        };
        let (read, node) = self.read_node(whole);
        self.root = node;
        read
    }

    /// Reads a part that was taken out.
    pub(crate) fn read_part<T: DeserializeOwned>(&mut self, part: Part) -> Option<T> {
        self.read_node(part).0
    }

    fn read_node<T: DeserializeOwned>(&mut self, part: Part) -> (Option<T>, Arc<Node>) {
        let Part { mut node, pointer } = part;
        loop {
            let reader = NodeDeserializer {
                node: &node,
                is_entry: false,
            };
            let mut error = match T::deserialize(reader) {
                Ok(read) => return (Some(read), node),
                Err(error) => error,
            };
            error.path.reverse();
            if error.is_unknown && self.is_ignored() {
                prune(&mut node, &error.path);
                continue;
            }
            let inside: String = error.path.iter().map(|step| escaped(step)).collect();
            let mut at = format!("{pointer}{inside}");
            let found = find(&node, &inside);
            let place = match error.is_name {
                true => name_place(&node, &error.path),
                false => {
                    let (more, place) = mention::find(found, &error.message);
                    at.push_str(&more);
                    Some(place)
                }
            };
            // What does not fit together may be the field that could not be read.
            if error.is_name || !has_pruned(found) {
                self.faults.push(Fault {
                    path: Some(shown(&at)),
                    hint: error.hint,
                    ..Fault::new(&self.text, place, error.message)
                });
            }
            if error.path.is_empty() || self.faults.len() >= FAULTS_MAX {
                return (None, node);
            }
            prune(&mut node, &error.path);
        }
    }

    /// Whether one more field that nobody knows is as if it were not there.
    fn is_ignored(&mut self) -> bool {
        let is_ignored =
            self.unknown == UnknownFields::Ignored && self.ignored < IGNORED_FIELDS_MAX;
        self.ignored += usize::from(is_ignored);
        is_ignored
    }

    /// The entries of a list that are there still: what is at a place in the list that was read
    /// came from the entry of the same place here.
    pub(crate) fn entries(&self, pointer: &str) -> Vec<usize> {
        let node = find(&self.root, pointer);
        match &node.value {
            Value::List(items) => {
                let items = items.iter().enumerate();
                let kept = items.filter(|(_, item)| !item.is_pruned());
                kept.map(|(at, _)| at).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Takes fields out of a map, which are then as if they were not there.
    pub(crate) fn take(&mut self, pointer: &str, is_taken: impl Fn(&str) -> bool) -> Vec<Taken> {
        let Some(node) = find_mut(&mut self.root, pointer) else {
            return Vec::new();
        };
        let Value::Map(fields) = &node.value else {
            return Vec::new();
        };
        if !fields.iter().any(|field| is_taken(&field.name)) {
            return Vec::new();
        }
        let Value::Map(fields) = &mut Arc::make_mut(node).value else {
            return Vec::new();
        };
        let taken = fields.extract_if(.., |field| is_taken(&field.name));
        let taken = taken.map(|field| Taken {
            pointer: format!("{pointer}{}", escaped(&field.name)),
            field,
        });
        taken.collect()
    }

    /// Writes down what is wrong at a pointer: with the field that the message speaks of, where
    /// there is one. Of a field that could not be read more has been said than the message knows.
    pub(crate) fn fault(&mut self, pointer: &str, message: String) {
        let node = find(&self.root, pointer);
        if self.faults.len() < FAULTS_MAX && !mention::is_of_pruned(node, &message) {
            let fault = self.at(pointer, message);
            self.faults.push(fault);
        }
    }

    /// What is to say of a pointer, with its place.
    pub(crate) fn at(&self, pointer: &str, message: String) -> Fault {
        let (more, place) = mention::find(find(&self.root, pointer), &message);
        Fault {
            path: Some(shown(&format!("{pointer}{more}"))),
            ..Fault::new(&self.text, Some(place), message)
        }
    }

    /// As [`at`](Self::at), within a part that was taken out.
    pub(crate) fn at_part(&self, part: &Part, message: String) -> Fault {
        let (more, place) = mention::find(&part.node, &message);
        Fault {
            path: Some(shown(&format!("{}{more}", part.pointer))),
            ..Fault::new(&self.text, Some(place), message)
        }
    }

    /// Adds a fault that has its place already.
    pub(crate) fn push(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// Whether anything is wrong with it.
    pub(crate) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }

    /// All faults, in the order of the file.
    pub(crate) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| fault.place);
        self.faults
    }

    /// Every text in it, with its pointer.
    pub(crate) fn texts(&self) -> Vec<(String, &str)> {
        let mut texts = Vec::new();
        collect(&self.root, String::new(), &mut texts);
        texts
    }
}

/// A field that was taken out of a map.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    field: Field,
    pointer: String,
}

impl Taken {
    /// The name of the field.
    pub(crate) fn name(&self) -> &str {
        &self.field.name
    }

    /// Whether there is nothing in it: null, or no entry.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.field.value.value {
            Value::List(items) => items.is_empty(),
            Value::Map(fields) => fields.is_empty(),
            Value::Scalar(_) => self.field.value.is_null(),
            Value::Pruned => true,
        }
    }

    /// Its value, to be read on its own.
    pub(crate) fn part(&self) -> Part {
        Part {
            node: Arc::clone(&self.field.value),
            pointer: self.pointer.clone(),
        }
    }

    /// What is to say of its name.
    pub(crate) fn at_name(&self, document: &Document, message: String) -> Fault {
        Fault {
            path: Some(shown(&self.pointer)),
            ..Fault::new(&document.text, Some(self.field.place), message)
        }
    }

    /// A map with these fields, which stand in the map at `pointer`.
    pub(crate) fn gather(taken: Vec<Self>, pointer: &str) -> Part {
        let place = taken.first().map_or((1, 1), |taken| taken.field.place);
        let fields = taken.into_iter().map(|taken| taken.field).collect();
        Part {
            node: Arc::new(Node::map(place, fields)),
            pointer: pointer.to_owned(),
        }
    }
}

impl Part {
    /// Where it stands.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The entries of a list; none where it is no list.
    pub(crate) fn entries(&self) -> Vec<Part> {
        let Value::List(items) = &self.node.value else {
            return Vec::new();
        };
        let items = items.iter().enumerate().map(|(at, item)| Part {
            node: Arc::clone(item),
            pointer: format!("{}/{at}", self.pointer),
        });
        items.collect()
    }

    /// The fields of a map; none where it is no map.
    pub(crate) fn fields(&self) -> Vec<Taken> {
        let Value::Map(fields) = &self.node.value else {
            return Vec::new();
        };
        let fields = fields.iter().map(|field| Taken {
            field: field.clone(),
            pointer: format!("{}{}", self.pointer, escaped(&field.name)),
        });
        fields.collect()
    }

    /// Whether it is a list, and not a map or a scalar.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Whether it is a map, and not a list or a scalar.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }
}

fn collect<'t>(node: &'t Node, pointer: String, texts: &mut Vec<(String, &'t str)>) {
    match &node.value {
        Value::Scalar(scalar) => texts.push((pointer, &scalar.text)),
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{at}"), texts);
            }
        }
        Value::Map(fields) => {
            for field in fields {
                collect(
                    &field.value,
                    format!("{pointer}{}", escaped(&field.name)),
                    texts,
                );
            }
        }
        Value::Pruned => {}
    }
}

/// A step of a JSON pointer.
fn escaped(step: &str) -> String {
    format!("/{}", step.replace('~', "~0").replace('/', "~1"))
}

fn steps(pointer: &str) -> impl Iterator<Item = String> {
    let steps = pointer.split('/').skip(1);
    steps.map(|step| step.replace("~1", "/").replace("~0", "~"))
}

/// A pointer as people write it: `scrape_configs[2].scheme`.
pub(crate) fn shown(pointer: &str) -> String {
    let mut path = String::new();
    for step in steps(pointer) {
        if step.parse::<usize>().is_ok() && !path.is_empty() {
            path.push_str(&format!("[{step}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step);
        }
    }
    path
}

/// The value that a pointer names, or else the nearest around it.
pub(super) fn find<'t>(root: &'t Node, pointer: &str) -> &'t Node {
    let mut found = root;
    for step in steps(pointer) {
        match found.step(&step) {
            Some(next) => found = next,
            None => break,
        }
    }
    found
}

fn find_mut<'t>(root: &'t mut Arc<Node>, pointer: &str) -> Option<&'t mut Arc<Node>> {
    let mut found = root;
    for step in steps(pointer) {
        found = Arc::make_mut(found).step_mut(&step)?;
    }
    Some(found)
}

fn has_pruned(node: &Node) -> bool {
    match &node.value {
        Value::Map(fields) => fields.iter().any(|field| field.value.is_pruned()),
        _ => false,
    }
}

fn prune(root: &mut Arc<Node>, path: &[String]) {
    let pointer: String = path.iter().map(|step| escaped(step)).collect();
    if let Some(node) = find_mut(root, &pointer) {
        Arc::make_mut(node).value = Value::Pruned;
    }
}

/// Where the name of the field stands to which a path leads.
fn name_place(root: &Node, path: &[String]) -> Option<Place> {
    let (name, above) = path.split_last()?;
    let pointer: String = above.iter().map(|step| escaped(step)).collect();
    match &find(root, &pointer).value {
        Value::Map(fields) => {
            let mut fields = fields.iter();
            fields
                .find(|field| field.name == *name)
                .map(|field| field.place)
        }
        _ => None,
    }
}
