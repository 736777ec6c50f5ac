//! Where each value of a document stands, for faults that are found long after it was read.

use super::document::find;
use super::tree::Tree;

/// The places of all values of a document.
#[derive(Debug)]
pub(crate) struct Places(Tree);

impl Places {
    /// Walks through a document; `None` where it is none, which whoever read it has said.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Tree::parse(text).ok().map(Self)
    }

    /// The line and column, from 1, of the value that a JSON pointer names; where there is none,
    /// those of the nearest value around it. A value that came by an alias or a merge is where it
    /// is written.
    pub(crate) fn find(&self, pointer: &str) -> Option<(u64, u64)> {
        Some(find(&self.0.root, pointer).place)
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
