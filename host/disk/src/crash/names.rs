//! Which name leads to what: as readers see it, and as the disk has it.

use std::collections::BTreeMap;
use std::io;

use super::chance::Chance;

/// The folder that everything lies in.
pub(super) const ROOT: usize = 0;

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// The content of that number.
    File(usize),
    /// The folder of that number.
    Folder(usize),
}

type Folder = BTreeMap<String, Node>;

/// One name in one folder, and what it leads to from then on.
#[derive(Debug, Clone)]
struct Set {
    folder: usize,
    name: String,
    node: Option<Node>,
}

/// What happened to names and may not be on the disk. All of it reaches the disk, or nothing: a
/// file that is renamed is never seen twice, nor not at all.
type Change = Vec<Set>;

/// All folders.
#[derive(Debug, Clone)]
pub(super) struct Names {
    now: Vec<Folder>,
    durable: Vec<Folder>,
    /// In the order of time.
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            now: vec![Folder::new()],
            durable: vec![Folder::new()],
            pending: Vec::new(),
        }
    }

    /// What a path leads to.
    pub(super) fn find(&self, path: &str) -> io::Result<Node> {
        let mut node = Node::Folder(ROOT);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let Node::Folder(folder) = node else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            node = *self.now[folder].get(part).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn find_folder(&self, path: &str) -> io::Result<usize> {
        match self.find(path)? {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn find_file(&self, path: &str) -> io::Result<usize> {
        match self.find(path)? {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    /// The folder that a path lies in, and its name there.
    pub(super) fn place(&self, path: &str) -> io::Result<(usize, String)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.find_folder(folder)?, name.to_owned()))
    }

    pub(super) fn list(&self, folder: usize) -> impl Iterator<Item = (&String, Node)> {
        self.now[folder].iter().map(|(name, node)| (name, *node))
    }

    /// A folder that has no name yet.
    pub(super) fn new_folder(&mut self) -> Node {
        self.now.push(Folder::new());
        self.durable.push(Folder::new());
        Node::Folder(self.now.len() - 1)
    }

    /// Lets names lead elsewhere, all at once.
    pub(super) fn set(&mut self, change: Vec<(usize, String, Option<Node>)>) {
        let sets = change.into_iter();
        let change: Change = sets
            .map(|(folder, name, node)| Set { folder, name, node })
            .collect();
        apply(&mut self.now, &change);
        self.pending.push(change);
    }

    /// Forces the names of a folder to the disk.
    pub(super) fn sync(&mut self, folder: usize) {
        let touches = |change: &Change| change.iter().any(|set| set.folder == folder);
        let (done, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(touches);
        self.pending = pending;
        let done: Vec<Change> = done;
        for change in &done {
            apply(&mut self.durable, change);
        }
    }

    /// What is there after a power cut: of what was not forced any part, in any order.
    pub(super) fn cut_power(&mut self, chance: &mut Chance) {
        let pending = std::mem::take(&mut self.pending);
        let kept = chance.below(4);
        let first = usize::try_from(chance.below(pending.len() as u64 + 1)).unwrap_or_default();
        for (number, change) in pending.iter().enumerate() {
            let is_there = match kept {
                0 => false,
                1 => true,
                // As file systems do that write a journal.
                2 => number < first,
                _ => chance.is_head(),
            };
            if is_there {
                apply(&mut self.durable, change);
            }
        }
        self.now.clone_from(&self.durable);
    }

    /// The files that have a name.
    pub(super) fn files(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut folders = vec![ROOT];
        while let Some(folder) = folders.pop() {
            for node in self.now[folder].values() {
                match node {
                    Node::File(file) => found.push(*file),
                    Node::Folder(folder) => folders.push(*folder),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn apply(folders: &mut [Folder], change: &Change) {
    for set in change {
        match set.node {
            Some(node) => folders[set.folder].insert(set.name.clone(), node),
            None => folders[set.folder].remove(&set.name),
        };
    }
}
