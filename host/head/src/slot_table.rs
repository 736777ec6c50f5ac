//! Finds slots by the hash of their series' labels. The labels themselves lie in the slots alone.

use hashbrown::HashTable;

/// Half of the labels' hash, and the slot. The table grows without a look at any labels.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    slot: u32,
}

/// Slots by hash.
#[derive(Debug, Default)]
pub(crate) struct SlotTable(HashTable<Entry>);

/// Half a hash, over all bits of the table's.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

impl SlotTable {
    /// The slot with this hash that the caller recognizes.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = half(hash);
        let found = self.0.find(spread(hash), |entry| {
            entry.hash == hash && is_it(entry.slot)
        });
        found.map(|entry| entry.slot)
    }

    /// Adds a slot that is not there.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        let hash = half(hash);
        self.0
            .insert_unique(spread(hash), Entry { hash, slot }, |entry| {
                spread(entry.hash)
            });
    }

    /// Takes a slot out.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let found = self
            .0
            .find_entry(spread(half(hash)), |entry| entry.slot == slot);
        if let Ok(found) = found {
            found.remove();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives memory back after many went.
    pub(crate) fn shrink(&mut self) {
        if self.0.capacity() > 4 * self.0.len() {
            self.0.shrink_to_fit(|entry| spread(entry.hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_the_same_hash_are_told_apart() {
        let mut table = SlotTable::default();
        for slot in 0..1_000 {
            table.insert(u64::from(slot % 10) << 40, slot);
        }
        for slot in 0..1_000 {
            let hash = u64::from(slot % 10) << 40;
            assert_eq!(table.find(hash, |found| found == slot), Some(slot));
            assert_eq!(table.find(hash + (1 << 40), |found| found == slot), None);
            table.remove(hash, slot);
            assert_eq!(table.find(hash, |found| found == slot), None);
        }
        table.shrink();
        assert_eq!((table.len(), table.0.capacity()), (0, 0));
    }
}
