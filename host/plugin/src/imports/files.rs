//! `narthex:plugin/files`.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncReadExt;
use wasmtime::Result;

use crate::bindings::plugin::files;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::host::Host;
use crate::imports::reach::unavailable;
use crate::limits::{FILE_BYTES_MAX, FILE_ENTRIES_MAX};

/// What of the host's own process may be read below a grant of `/proc` as a whole: what every
/// process sees alike. Its environment, memory and open files are not among it.
const OWN_PROCESS_OPEN: [&str; 5] = ["mountinfo", "mounts", "mountstats", "net", "stat"];

impl files::Host for Host {
    async fn read(&mut self, path: String) -> Result<Result<Vec<u8>, Error>> {
        self.enter(Interface::Files)?;
        let read = self.read_file(Path::new(&path)).await;
        let length = read.as_ref().map_or(0, Vec::len);
        Ok(self.spend_bytes(length).and(read))
    }

    async fn entries(&mut self, path: String) -> Result<Result<Vec<String>, Error>> {
        self.enter(Interface::Files)?;
        let entries = self.read_folder(Path::new(&path)).await;
        let names = entries.as_deref().unwrap_or_default().iter();
        let length = names.map(String::len).sum();
        Ok(self.spend_bytes(length).and(entries))
    }

    async fn link(&mut self, path: String) -> Result<Result<String, Error>> {
        self.enter(Interface::Files)?;
        Ok(self.read_link(Path::new(&path)).await)
    }

    async fn file_system(&mut self, path: String) -> Result<Result<files::Capacity, Error>> {
        self.enter(Interface::Files)?;
        if let Err(denied) = self.capabilities.file_system(Path::new(&path)) {
            return Ok(Err(self.refuse(denied)));
        }
        Ok(capacity(path).await)
    }
}

impl Host {
    /// Where a granted path really is.
    async fn real(&mut self, path: &Path) -> Result<PathBuf, Error> {
        let capabilities = self.capabilities.clone();
        let lexical = capabilities.lexical_file(path);
        // Symbolic links are followed first, and it counts where they lead: `/proc/net` is one.
        match (fs::canonicalize(path).await, lexical) {
            (Ok(real), _) if is_below(capabilities.file_roots(), &real).await => Ok(real),
            // What lies outside is denied whether it exists or not.
            (_, Err(denied)) => Err(self.refuse(denied)),
            (Ok(real), Ok(())) => {
                let what = format!("{} (which leads to {})", path.display(), real.display());
                Err(self.refuse(capabilities.denied("files", &what, false)))
            }
            (Err(error), Ok(())) => Err(unavailable(&path.display().to_string(), &error)),
        }
    }

    async fn read_file(&mut self, path: &Path) -> Result<Vec<u8>, Error> {
        let failed = |error: io::Error| unavailable(&path.display().to_string(), &error);
        let real = self.real(path).await?;
        // A pipe or a device could block for ever or have no end.
        let metadata = fs::metadata(&real).await.map_err(failed)?;
        if !metadata.is_file() {
            let text = format!("{}: not a regular file", path.display());
            return Err(Error::Unavailable(text));
        }
        let file = fs::File::open(&real).await.map_err(failed)?;
        let mut bytes = Vec::new();
        let mut bounded = file.take(FILE_BYTES_MAX + 1);
        bounded.read_to_end(&mut bytes).await.map_err(failed)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let text = format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display());
            return Err(Error::Unavailable(text));
        }
        Ok(bytes)
    }

    async fn read_folder(&mut self, path: &Path) -> Result<Vec<String>, Error> {
        let failed = |error: io::Error| unavailable(&path.display().to_string(), &error);
        let real = self.real(path).await?;
        let mut entries = fs::read_dir(&real).await.map_err(failed)?;
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            if names.len() >= FILE_ENTRIES_MAX {
                let text = format!("{}: more than {FILE_ENTRIES_MAX} names", path.display());
                return Err(Error::Unavailable(text));
            }
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    async fn read_link(&mut self, path: &Path) -> Result<String, Error> {
        let failed = |error: io::Error| unavailable(&path.display().to_string(), &error);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            let denied = self
                .capabilities
                .denied("files", &path.display().to_string(), false);
            return Err(self.refuse(denied));
        };
        // The link itself has to be below a granted path; where it leads is only told.
        let real = match fs::canonicalize(folder).await {
            Ok(folder) => folder.join(name),
            Err(_) => path.to_path_buf(),
        };
        let capabilities = self.capabilities.clone();
        if !is_below(capabilities.file_roots(), &real).await {
            let denied = capabilities.lexical_file(path).err();
            let text = path.display().to_string();
            return Err(
                self.refuse(denied.unwrap_or_else(|| capabilities.denied("files", &text, false)))
            );
        }
        let link = fs::read_link(real).await.map_err(failed)?;
        Ok(link.to_string_lossy().into_owned())
    }
}

async fn is_below(roots: &[PathBuf], real: &Path) -> bool {
    for root in roots {
        // A root that does not exist grants nothing.
        if let Ok(root) = fs::canonicalize(root).await
            && real.starts_with(&root)
            && !is_own_secret(&root, real)
        {
            return true;
        }
    }
    false
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

/// Asks a file system for its room. One that does not answer holds a thread, and the guest's call
/// until its deadline, but no task.
async fn capacity(path: String) -> Result<files::Capacity, Error> {
    let asked = path.clone();
    let found = tokio::task::spawn_blocking(move || rustix::fs::statvfs(asked)).await;
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
