//! The disk itself: what is done to it, what it answers, when it dies.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chance::Chance;
use super::content::Content;
use super::names::{Names, Node};
use crate::disk::{Disk, DiskFile, Entry, Lock, Space};

/// How large the disk says it is where nobody limits it.
const TOTAL_BYTES: u64 = 1 << 40;

/// What befalls an operation that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies in it: the operation is done, or not, or a write in part; all that come
    /// later fail.
    Kill,
    /// It fails, and later ones do not.
    Once(io::ErrorKind),
    /// It fails, and so do all later ones, until [`CrashDisk::heal`].
    FromThen(io::ErrorKind),
}

/// A disk in memory. Clones are the same disk.
///
/// Each operation that changes something has a number, from 0 on; reading, listing and locking
/// have none. A write that fails has written any part of its bytes. A sync that fails has written
/// any of the sectors; what it has not written is lost, perhaps even to readers, and no later
/// sync brings it back.
#[derive(Debug, Clone)]
pub struct CrashDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone)]
struct State {
    is_dead: bool,
    chance: Chance,
    operations: u64,
    fault: Option<(u64, Fault)>,
    bytes_max: Option<u64>,
    names: Names,
    contents: Vec<Content>,
    locked: BTreeSet<String>,
}

/// What an operation is to do.
enum Verdict {
    Do,
    Fail(io::Error),
    /// It may be done; the process dies all the same.
    Die,
}

impl CrashDisk {
    /// An empty disk; the seed decides what crashes leave.
    pub fn new(seed: u64) -> Self {
        Self::from(State {
            is_dead: false,
            chance: Chance::new(seed),
            operations: 0,
            fault: None,
            bytes_max: None,
            names: Names::new(),
            contents: Vec::new(),
            locked: BTreeSet::new(),
        })
    }

    /// Lets something happen at the operation of that number.
    pub fn fault_at(&self, operation: u64, fault: Fault) {
        self.state().fault = Some((operation, fault));
    }

    /// No fault is to come any more, and one that goes on ends.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// Lets all files together have so many bytes at most. A write that comes to this fails after
    /// those that fit, as on a full disk.
    pub fn limit(&self, bytes_max: Option<u64>) {
        self.state().bytes_max = bytes_max;
    }

    /// Bytes of all files that have a name.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// The number of the next operation.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Whether a [`Fault::Kill`] was met.
    pub fn is_dead(&self) -> bool {
        self.state().is_dead
    }

    /// The disk as the next process finds it after this one was killed. Nothing that this one
    /// still does has an effect.
    pub fn kill(&self) -> Self {
        self.next(|_| {})
    }

    /// The disk as the next process would find it if this one was killed now. This one goes on: a
    /// copy for each thing that may happen next.
    pub fn fork(&self) -> Self {
        let copy = self.state().clone();
        copy.start_anew()
    }

    /// The disk as it is after the power was cut. Nothing that this process still does has an
    /// effect.
    pub fn cut_power(&self) -> Self {
        self.next(|state| {
            let State {
                names,
                contents,
                chance,
                ..
            } = state;
            names.cut_power(chance);
            for content in contents {
                content.cut_power(chance);
            }
        })
    }

    fn next(&self, change: impl FnOnce(&mut State)) -> Self {
        let mut state = self.state();
        state.is_dead = true;
        let mut next = state.clone();
        // What comes next is not what this disk would have drawn.
        state.chance.below(2);
        change(&mut next);
        next.start_anew()
    }

    fn from(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that has no number.
    fn look<T>(&self, job: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        state.check()?;
        job(&mut state)
    }

    /// Does something that has a number. `job` says first whether it can be done at all.
    fn change<T>(&self, job: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        match state.judge()? {
            Verdict::Do => job(&mut state),
            Verdict::Fail(error) => Err(error),
            Verdict::Die => {
                if state.chance.is_head() {
                    let _ = job(&mut state);
                }
                Err(state.die())
            }
        }
    }

    fn file(&self, content: usize, is_writable: bool) -> Arc<dyn DiskFile> {
        Arc::new(CrashFile {
            disk: self.clone(),
            content,
            is_writable,
        })
    }
}

impl State {
    /// A disk of its own with this content, as a process finds it that has just begun.
    fn start_anew(mut self) -> CrashDisk {
        self.is_dead = false;
        self.operations = 0;
        self.fault = None;
        self.locked.clear();
        CrashDisk::from(self)
    }

    fn check(&self) -> io::Result<()> {
        match self.is_dead {
            true => Err(io::Error::other("the process is dead")),
            false => Ok(()),
        }
    }

    /// Gives an operation its number, and says what becomes of it.
    fn judge(&mut self) -> io::Result<Verdict> {
        self.check()?;
        let number = self.operations;
        self.operations += 1;
        Ok(match self.fault {
            Some((at, Fault::Kill)) if at == number => Verdict::Die,
            Some((at, Fault::Once(kind))) if at == number => Verdict::Fail(kind.into()),
            Some((at, Fault::FromThen(kind))) if at <= number => Verdict::Fail(kind.into()),
            _ => Verdict::Do,
        })
    }

    fn die(&mut self) -> io::Error {
        self.is_dead = true;
        io::Error::other("the process was killed")
    }

    fn used(&self) -> u64 {
        let files = self.names.files().into_iter();
        files.map(|file| self.contents[file].now.len() as u64).sum()
    }

    fn free(&self) -> u64 {
        let bytes_max = self.bytes_max.unwrap_or(TOTAL_BYTES);
        bytes_max.saturating_sub(self.used())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.names.find_file(path)?;
        let (folder, name) = self.names.place(path)?;
        self.names.set(vec![(folder, name, None)]);
        Ok(())
    }

    /// Any part of a write.
    fn append_part(&mut self, content: usize, bytes: &[u8]) {
        let part = self.chance.below(bytes.len() as u64 + 1);
        let part = usize::try_from(part).unwrap_or_default();
        self.contents[content].append(&bytes[..part]);
    }
}

impl Disk for CrashDisk {
    fn show(&self, path: &str) -> PathBuf {
        PathBuf::from("/crash").join(path)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let content = self.change(|state| {
            let (folder, name) = state.names.place(path)?;
            if state.names.find(path).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.contents.push(Content::default());
            let content = state.contents.len() - 1;
            let node = Some(Node::File(content));
            state.names.set(vec![(folder, name, node)]);
            Ok(content)
        })?;
        Ok(self.file(content, true))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let content = self.look(|state| state.names.find_file(path))?;
        Ok(self.file(content, false))
    }

    fn open_to_write(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let content = self.look(|state| state.names.find_file(path))?;
        Ok(self.file(content, true))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.look(|state| {
            let folder = state.names.find_folder(folder)?;
            let entry = |(name, node): (&String, Node)| Entry {
                name: name.clone(),
                is_folder: matches!(node, Node::Folder(_)),
                bytes: match node {
                    Node::File(file) => state.contents[file].now.len() as u64,
                    Node::Folder(_) => 0,
                },
            };
            Ok(state.names.list(folder).map(entry).collect())
        })
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        let parts = folder.split('/').filter(|part| !part.is_empty());
        let mut path = String::new();
        for part in parts {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            if self.look(|state| Ok(state.names.find_folder(&path).is_ok()))? {
                continue;
            }
            self.change(|state| {
                let (parent, name) = state.names.place(&path)?;
                if state.names.find(&path).is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                let node = state.names.new_folder();
                state.names.set(vec![(parent, name, Some(node))]);
                Ok(())
            })?;
        }
        self.look(|_| Ok(()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state| {
            let node = state.names.find(from)?;
            let (old, old_name) = state.names.place(from)?;
            let (new, new_name) = state.names.place(to)?;
            match (node, state.names.find(to)) {
                (_, Err(_)) | (Node::File(_), Ok(Node::File(_))) => {}
                (Node::Folder(_), Ok(Node::Folder(there)))
                    if state.names.list(there).next().is_none() => {}
                (Node::Folder(_), Ok(Node::Folder(_))) => {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
                (Node::File(_), Ok(Node::Folder(_))) => {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                (Node::Folder(_), Ok(Node::File(_))) => {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
            }
            let change = vec![(old, old_name, None), (new, new_name, Some(node))];
            state.names.set(change);
            Ok(())
        })
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state| {
            let file = state.names.find_file(from)?;
            let (folder, name) = state.names.place(to)?;
            if state.names.find(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let node = Some(Node::File(file));
            state.names.set(vec![(folder, name, node)]);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(|state| state.remove(path))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        for entry in self.list(folder)? {
            let path = format!("{folder}/{}", entry.name);
            match entry.is_folder {
                true => self.remove_folder(&path)?,
                false => self.remove(&path)?,
            }
        }
        self.change(|state| {
            let (parent, name) = state.names.place(folder)?;
            state.names.set(vec![(parent, name, None)]);
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.change(|state| {
            let folder = state.names.find_folder(folder)?;
            state.names.sync(folder);
            Ok(())
        })
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        if self.look(|state| Ok(state.names.find_file(path).is_err()))? {
            self.create(path)?;
        }
        self.look(|state| match state.locked.insert(path.to_owned()) {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        })?;
        Ok(Box::new(CrashLock {
            disk: self.clone(),
            path: path.to_owned(),
        }))
    }

    fn space(&self) -> io::Result<Space> {
        self.look(|state| {
            Ok(Space {
                total_bytes: state.bytes_max.unwrap_or(TOTAL_BYTES),
                free_bytes: state.free(),
            })
        })
    }
}

#[derive(Debug)]
struct CrashLock {
    disk: CrashDisk,
    path: String,
}

impl Lock for CrashLock {}

impl Drop for CrashLock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct CrashFile {
    disk: CrashDisk,
    content: usize,
    is_writable: bool,
}

impl CrashFile {
    fn check(&self) -> io::Result<()> {
        match self.is_writable {
            true => Ok(()),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

impl DiskFile for CrashFile {
    fn len(&self) -> io::Result<u64> {
        let look = |state: &mut State| Ok(state.contents[self.content].now.len() as u64);
        self.disk.look(look)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.disk.look(|state| {
            let now = &state.contents[self.content].now;
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = now.get(from..).and_then(|rest| rest.get(..into.len()));
            into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        let mut state = self.disk.state();
        match state.judge()? {
            Verdict::Do => {
                let free = usize::try_from(state.free()).unwrap_or(usize::MAX);
                let fits = free.min(bytes.len());
                state.contents[self.content].append(&bytes[..fits]);
                match fits < bytes.len() {
                    true => Err(io::ErrorKind::StorageFull.into()),
                    false => Ok(()),
                }
            }
            Verdict::Fail(error) => {
                state.append_part(self.content, bytes);
                Err(error)
            }
            Verdict::Die => {
                state.append_part(self.content, bytes);
                Err(state.die())
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.disk.change(|state| {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            state.contents[self.content].set_len(len);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut guard = self.disk.state();
        let state = &mut *guard;
        let verdict = state.judge()?;
        let content = &mut state.contents[self.content];
        match verdict {
            Verdict::Do => {
                content.sync();
                Ok(())
            }
            Verdict::Fail(error) => {
                content.fail_sync(&mut state.chance);
                Err(error)
            }
            // What was written is as it was; some of it may have reached the disk, which a power
            // cut decides.
            Verdict::Die => Err(state.die()),
        }
    }
}
