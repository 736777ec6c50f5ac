//! Where each value of a document stands, for faults that are found after it was read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{options, place};

/// The places of all values of a document.
#[derive(Debug)]
pub(crate) struct Places(Placed);

#[derive(Debug)]
struct Placed {
    place: Option<(u64, u64)>,
    node: Node,
}

#[derive(Debug)]
enum Node {
    Map(Vec<(String, Placed)>),
    List(Vec<Placed>),
    Scalar,
}

impl Places {
    /// Walks through a document; `None` where it is none, which whoever read it has said.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let read = serde_saphyr::with_deserializer_from_str_with_options(
            text,
            options(),
            |deserializer| Placed::deserialize(deserializer),
        );
        read.ok().map(Self)
    }

    /// The line and column, from 1, of the value that a JSON pointer names; where there is none,
    /// those of the nearest value around it. A value that came by an alias or a merge is where it
    /// is written.
    pub(crate) fn find(&self, pointer: &str) -> Option<(u64, u64)> {
        let mut found = &self.0;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &found.node {
                Node::Map(fields) => {
                    let mut fields = fields.iter();
                    fields
                        .find(|(name, _)| *name == step)
                        .map(|(_, value)| value)
                }
                Node::List(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
                Node::Scalar => None,
            };
            match next {
                Some(next) => found = next,
                None => break,
            }
        }
        found.place
    }
}

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Node>::deserialize(deserializer)?;
        Ok(Self {
            place: place(spanned.defined),
            node: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($($method:ident($kind:ty))*) => {
        $(fn $method<E>(self, _: $kind) -> Result<Node, E> {
            Ok(Node::Scalar)
        })*
    };
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars! {
        visit_bool(bool)
        visit_i64(i64)
        visit_i128(i128)
        visit_u64(u64)
        visit_u128(u128)
        visit_f64(f64)
        visit_str(&str)
        visit_bytes(&[u8])
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = access.next_key::<Key>()? {
            match key.0 {
                Some(name) => fields.push((name, access.next_value()?)),
                None => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Node::Map(fields))
    }
}

/// The name of a field; none where the key is no text.
struct Key(Option<String>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self(Some(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "jobs:
- &base
  name: a
  config:
    user: u
    ports: [1, 22]
    a/b: {c~d: x}
- <<: *base
  name: b
- name: c
  config: &shared {user: w}
- name: d
  config: *shared
- name: e
  config:
";

    #[test]
    fn every_value_is_where_it_is_written() {
        let places = Places::of(TEXT).unwrap();
        for (pointer, expected) in [
            ("", (1, 1)),
            ("/jobs/0", (3, 3)),
            ("/jobs/0/name", (3, 9)),
            ("/jobs/0/config", (5, 5)),
            ("/jobs/0/config/user", (5, 11)),
            ("/jobs/0/config/ports/1", (6, 16)),
            ("/jobs/0/config/a~1b/c~0d", (7, 16)),
            // What is not there is missed around it.
            ("/jobs/0/config/password", (5, 5)),
            ("/jobs/0/config/ports/7", (6, 12)),
            ("/jobs/0/config/user/x", (5, 11)),
            ("/jobs/3/config/user", (11, 26)),
        ] {
            assert_eq!(places.find(pointer), Some(expected), "{pointer}");
        }
    }

    #[test]
    fn what_is_no_document_has_no_places() {
        assert!(Places::of("a: [").is_none());
    }
}
