//! What a pass over a bucket found in the end.

/// What a pass found in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks that were made and published.
    pub made: usize,
    /// Groups that another worker has.
    pub busy: usize,
    /// Blocks that are marked to be left alone, by folder and name.
    pub quarantined: Vec<String>,
    /// Blocks that cannot be read or are not whole, by folder and name, and why.
    pub damaged: Vec<(String, String)>,
    /// Compactions that are due, or will be once others are done.
    pub compactions_left: usize,
    /// Blocks that those take.
    pub blocks_left: usize,
    /// Blocks that are to be made coarser.
    pub downsamplings_left: usize,
    /// Blocks that are marked for deletion.
    pub deletions_left: usize,
}

impl Report {
    /// Adds what was found in a folder.
    pub(crate) fn add(&mut self, folder: &str, other: Self) {
        let named = |block: String| match folder {
            "" => block,
            folder => format!("{folder}/{block}"),
        };
        self.made += other.made;
        self.busy += other.busy;
        self.compactions_left += other.compactions_left;
        self.blocks_left += other.blocks_left;
        self.downsamplings_left += other.downsamplings_left;
        self.deletions_left += other.deletions_left;
        let quarantined = other.quarantined.into_iter().map(named);
        self.quarantined.extend(quarantined);
        let damaged = other.damaged.into_iter();
        self.damaged
            .extend(damaged.map(|(block, why)| (named(block), why)));
    }
}
