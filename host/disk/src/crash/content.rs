//! What a file holds: as readers see it, and as the disk has it.

use std::collections::BTreeSet;

use super::chance::Chance;

/// What a disk writes wholly or not at all.
const SECTOR_BYTES: usize = 512;

/// The content of one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// As all readers see it.
    pub(super) now: Vec<u8>,
    /// As the disk has it for certain.
    durable: Vec<u8>,
    /// Sectors that were written since the last sync.
    dirty: BTreeSet<usize>,
}

impl Content {
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let from = self.now.len();
        self.now.extend_from_slice(bytes);
        self.touch(from, self.now.len());
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let from = self.now.len().min(len);
        let to = self.now.len().max(len);
        self.now.resize(len, 0);
        self.touch(from, to);
    }

    fn touch(&mut self, from: usize, to: usize) {
        if from < to {
            self.dirty
                .extend(from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES));
        }
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.dirty.clear();
    }

    /// A sync that fails: some of the bytes are on the disk, the system takes all for written,
    /// and may have forgotten those that are not.
    pub(super) fn fail_sync(&mut self, chance: &mut Chance) {
        let reached = self.reached(chance);
        self.dirty.clear();
        self.durable = reached;
        if chance.is_head() {
            let len = self.now.len();
            self.now.clone_from(&self.durable);
            self.now.resize(len, 0);
        }
    }

    /// What is there after a power cut.
    pub(super) fn cut_power(&mut self, chance: &mut Chance) {
        self.now = self.reached(chance);
        self.sync();
    }

    /// What may be on the disk: of the sectors that were written any, of the lengths that the
    /// file had any.
    fn reached(&self, chance: &mut Chance) -> Vec<u8> {
        let mut reached = self.durable.clone();
        let (shorter, longer) = match self.durable.len() < self.now.len() {
            true => (self.durable.len(), self.now.len()),
            false => (self.now.len(), self.durable.len()),
        };
        let len = match chance.below(4) {
            0 => self.durable.len(),
            1 => self.now.len(),
            _ => {
                let more = chance.below((longer - shorter) as u64 + 1);
                shorter + usize::try_from(more).unwrap_or_default()
            }
        };
        reached.resize(len, 0);
        let kept = chance.below(4);
        for (number, sector) in self.dirty.iter().enumerate() {
            let is_there = match kept {
                0 => false,
                1 => true,
                // As a disk does that is interrupted.
                2 => number < self.dirty.len() / 2,
                _ => chance.is_head(),
            };
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(len).min(self.now.len());
            if is_there && from < to {
                reached[from..to].copy_from_slice(&self.now[from..to]);
            }
        }
        reached
    }
}
