//! `narthex:plugin/files`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use wasmtime::Result;

use crate::bindings::plugin::files;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::host::Host;
use crate::imports::reach::unavailable;
use crate::limits::{
    FILE_BYTES_MAX, FILE_ENTRIES_MAX, FILE_SYSTEM_PATIENCE, FILE_SYSTEMS_ASKED_MAX,
};

/// What of the host's own process may be read below a grant of `/proc` as a whole: what every
/// process sees alike. Its environment, memory and open files are not among it.
const OWN_PROCESS_OPEN: [&str; 5] = ["mountinfo", "mounts", "mountstats", "net", "stat"];

impl files::Host for Host {
    async fn read(&mut self, path: String) -> Result<Result<Vec<u8>, Error>> {
        self.enter(Interface::Files)?;
        let read = self.with_file(path, locate, read_file).await;
        let length = read.as_ref().map_or(0, Vec::len);
        Ok(self.spend_bytes(length).and(read))
    }

    async fn entries(&mut self, path: String) -> Result<Result<Vec<String>, Error>> {
        self.enter(Interface::Files)?;
        let entries = self.with_file(path, locate, read_folder).await;
        let names = entries.as_deref().unwrap_or_default().iter();
        let length = names.map(String::len).sum();
        Ok(self.spend_bytes(length).and(entries))
    }

    async fn link(&mut self, path: String) -> Result<Result<String, Error>> {
        self.enter(Interface::Files)?;
        Ok(self.with_file(path, locate_link, read_link).await)
    }

    async fn file_system(&mut self, path: String) -> Result<Result<files::Capacity, Error>> {
        self.enter(Interface::Files)?;
        if let Err(denied) = self.capabilities.file_system(Path::new(&path)) {
            return Ok(Err(self.refuse(denied)));
        }
        let patience = self.patience().min(Instant::now() + FILE_SYSTEM_PATIENCE);
        let asked = timeout_at(patience, capacity(path)).await;
        Ok(asked.unwrap_or(Err(Error::Timeout)))
    }
}

/// Where a path leads, and whether that lies below a granted one.
struct Located {
    real: io::Result<PathBuf>,
    is_granted: bool,
}

impl Host {
    /// Does something with a granted file, away from the tasks: file systems may block.
    async fn with_file<T: Send + 'static>(
        &mut self,
        path: String,
        locate: fn(&[PathBuf], &Path) -> Located,
        work: fn(&Path) -> io::Result<T>,
    ) -> Result<T, Error> {
        let capabilities = self.capabilities.clone();
        let asked = PathBuf::from(&path);
        let done = tokio::task::spawn_blocking(move || {
            let located = locate(capabilities.file_roots(), &asked);
            let worked = match (&located.real, located.is_granted) {
                (Ok(real), true) => Some(work(real)),
                _ => None,
            };
            (located, worked)
        });
        let Ok((located, worked)) = done.await else {
            return Err(Error::Unavailable(format!("{path}: it was not read")));
        };
        if let Some(worked) = worked {
            return worked.map_err(|error| unavailable(&path, &error));
        }
        // What lies outside is denied whether it exists or not.
        let denied = match (
            self.capabilities.lexical_file(Path::new(&path)),
            located.real,
        ) {
            (Err(denied), _) => denied,
            (Ok(()), Ok(real)) => {
                let what = format!("{path} (which leads to {})", real.display());
                self.capabilities.denied("files", &what, false)
            }
            (Ok(()), Err(error)) => return Err(unavailable(&path, &error)),
        };
        Err(self.refuse(denied))
    }
}

/// Symbolic links are followed first, and it counts where they lead: `/proc/net` is one.
fn locate(roots: &[PathBuf], path: &Path) -> Located {
    let real = path.canonicalize();
    let is_granted = real.as_ref().is_ok_and(|real| is_below(roots, path, real));
    Located { real, is_granted }
}

/// The link itself has to be below a granted path; where it leads is only told.
fn locate_link(roots: &[PathBuf], path: &Path) -> Located {
    let real = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => folder.canonicalize().map(|folder| folder.join(name)),
        _ => path.canonicalize(),
    };
    let is_granted = real.as_ref().is_ok_and(|real| is_below(roots, path, real));
    Located { real, is_granted }
}

fn is_below(roots: &[PathBuf], path: &Path, real: &Path) -> bool {
    let covers = |root: &&PathBuf| {
        // A root that does not exist grants nothing.
        let root = root.canonicalize();
        root.is_ok_and(|root| real.starts_with(&root) && !is_own_secret(&root, real))
    };
    // Those that look right are as a rule the right ones; looking at each takes its time.
    let (likely, others): (Vec<_>, Vec<_>) = roots.iter().partition(|r| path.starts_with(r));
    likely.iter().any(covers) || others.iter().any(covers)
}

fn read_file(real: &Path) -> io::Result<Vec<u8>> {
    // A pipe or a device could block for ever or have no end.
    if !fs::metadata(real)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    let mut bounded = fs::File::open(real)?.take(FILE_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes)?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => Err(io::Error::other(format!(
            "larger than {FILE_BYTES_MAX} bytes"
        ))),
        false => Ok(bytes),
    }
}

fn read_folder(real: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(real)? {
        if names.len() >= FILE_ENTRIES_MAX {
            return Err(io::Error::other(format!(
                "more than {FILE_ENTRIES_MAX} names"
            )));
        }
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn read_link(real: &Path) -> io::Result<String> {
    Ok(fs::read_link(real)?.to_string_lossy().into_owned())
}

/// Whether a path leads into what only the host's own process should see, by a grant that does
/// not name that process.
fn is_own_secret(root: &Path, real: &Path) -> bool {
    let Ok(below) = real.strip_prefix("/proc") else {
        return false;
    };
    let mut parts = below.iter().map(|part| part.to_string_lossy());
    let (Some(process), Some(name)) = (parts.next(), parts.next()) else {
        return false;
    };
    // Each thread has such a folder too, though `/proc` does not list it.
    let is_own = process.bytes().all(|byte| byte.is_ascii_digit())
        && Path::new("/proc/self/task").join(&*process).exists();
    let is_named = root.starts_with(Path::new("/proc").join(&*process));
    is_own && !is_named && !OWN_PROCESS_OPEN.contains(&&*name)
}

/// The file systems that are being asked, by all plugins together.
static ASKED: Semaphore = Semaphore::const_new(FILE_SYSTEMS_ASKED_MAX);

/// Asks a file system for its room. One that does not answer holds a thread, and its place among
/// those that are asked, but nobody else.
async fn capacity(path: String) -> Result<files::Capacity, Error> {
    let Ok(place) = ASKED.try_acquire() else {
        return Err(Error::Unavailable(format!(
            "{path}: {FILE_SYSTEMS_ASKED_MAX} file systems were asked and do not answer"
        )));
    };
    let asked = path.clone();
    let found = tokio::task::spawn_blocking(move || {
        let found = rustix::fs::statvfs(asked);
        drop(place);
        found
    });
    let found = found.await;
    let found = match found {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(unavailable(&path, &error.into())),
        Err(_) => return Err(Error::Unavailable(format!("{path}: it was not asked"))),
    };
    let unit = found.f_frsize;
    Ok(files::Capacity {
        bytes: found.f_blocks.saturating_mul(unit),
        bytes_free: found.f_bfree.saturating_mul(unit),
        bytes_available: found.f_bavail.saturating_mul(unit),
        files: found.f_files,
        files_free: found.f_ffree,
        read_only: found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_own_process_is_granted_by_name_only() {
        let own = format!("/proc/{}", std::process::id());
        for (root, below, is_secret) in [
            ("/proc", "environ", true),
            ("/", "environ", true),
            ("/proc", "fd/3", true),
            ("/proc", "mem", true),
            ("/proc", "task/1/environ", true),
            ("/proc", "net/dev", false),
            ("/proc", "mounts", false),
            ("/proc", "", false),
            (own.as_str(), "environ", false),
        ] {
            let real = Path::new(&own).join(below);
            assert_eq!(
                is_own_secret(Path::new(root), &real),
                is_secret,
                "{root} {below}"
            );
        }
        assert!(!is_own_secret(
            Path::new("/proc"),
            Path::new("/proc/meminfo")
        ));
    }
}
