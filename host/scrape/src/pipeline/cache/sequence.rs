//! Entries in the order of a page.

use super::EntryId;

/// Entries one after the other. Those at its beginning that stand at their own place, which are all
/// where a page keeps its order, are only counted.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    counted: EntryId,
    rest: Vec<EntryId>,
}

impl Sequence {
    pub(super) fn push(&mut self, id: EntryId) {
        if self.rest.is_empty() && id == self.counted {
            self.counted += 1;
        } else {
            self.rest.push(id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.counted as usize + self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether each stands at its own place.
    pub(super) fn is_counted(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = EntryId> {
        (0..self.counted).chain(self.rest.iter().copied())
    }
}
