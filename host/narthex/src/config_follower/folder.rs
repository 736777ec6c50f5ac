//! The folder that the files of a ConfigMap are put into, to be read from there.
//!
//! It is not: a mount. Its files keep their names whatever version they are of, so that rules, jobs and
//! targets that did not change go on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use narthex_kubernetes::limits::CONFIG_MAP_BYTES_MAX;

/// Files by their names.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

/// What a file is called until it is whole: no key of a ConfigMap can have this in it.
const UNFINISHED: &str = "~";

/// The folder, and what is in it.
#[derive(Debug)]
pub(super) struct ConfigFolder {
    path: PathBuf,
    contents: Contents,
}

impl ConfigFolder {
    /// Makes the folder where there is none, and reads what is there.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let contents = read_folder(&path)?;
        Ok(Self { path, contents })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it.
    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Puts these files there in place of all others, each of them at once.
    ///
    /// # Errors
    /// One cannot be written; some may be there already then.
    pub(super) fn replace(&mut self, contents: &Contents) -> io::Result<()> {
        for (name, text) in contents {
            if self.contents.get(name) == Some(text) {
                continue;
            }
            let unfinished = self.path.join(format!("{name}{UNFINISHED}"));
            let mut file = File::create(&unfinished)?;
            file.write_all(text)?;
            // A server that starts after a power cut must not find half of it.
            file.sync_all()?;
            fs::rename(&unfinished, self.path.join(name))?;
            self.contents.insert(name.clone(), text.clone());
        }
        let gone = self.contents.keys();
        let gone = gone.filter(|name| !contents.contains_key(*name));
        for name in gone.cloned().collect::<Vec<_>>() {
            fs::remove_file(self.path.join(&name))?;
            self.contents.remove(&name);
        }
        Ok(())
    }
}

/// The files of a folder, but for those that the kubelet keeps there for itself.
///
/// # Errors
/// They cannot be read, or they are more than a ConfigMap can hold.
pub(super) fn read_folder(path: &Path) -> io::Result<Contents> {
    let (mut contents, mut left) = (Contents::new(), CONFIG_MAP_BYTES_MAX as u64);
    let listed = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    for entry in fs::read_dir(listed)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // A link to a file is one.
        let is_file = fs::metadata(entry.path()).is_ok_and(|found| found.is_file());
        if !is_file || name.starts_with("..") || name.ends_with(UNFINISHED) {
            continue;
        }
        let mut text = Vec::new();
        File::open(entry.path())?
            .take(left + 1)
            .read_to_end(&mut text)?;
        let length = text.len() as u64;
        left = left.checked_sub(length).ok_or_else(|| {
            let error = format!("its files have over {CONFIG_MAP_BYTES_MAX} bytes");
            io::Error::other(error)
        })?;
        contents.insert(name, text);
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(files: &[(&str, &str)]) -> Contents {
        let files = files.iter();
        let files = files.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        files.collect()
    }

    #[test]
    fn what_is_put_there_is_all_that_is_there() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let mut folder = ConfigFolder::open(path.clone()).unwrap();
        assert!(folder.contents().is_empty());
        for files in [
            contents(&[("p.yml", "1"), ("r.yml", "2")]),
            contents(&[("p.yml", "3"), ("s.yml", "2")]),
            contents(&[("p.yml", "3")]),
        ] {
            folder.replace(&files).unwrap();
            assert_eq!(folder.contents(), &files);
            assert_eq!(read_folder(&path).unwrap(), files);
            let again = ConfigFolder::open(path.clone()).unwrap();
            assert_eq!(again.contents(), &files);
        }
    }

    #[test]
    fn of_a_mount_only_its_files_are_read_and_no_more_than_a_config_map_holds() {
        let mount = tempfile::tempdir().unwrap();
        let data = mount.path().join("..2024_01");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("p.yml"), "1").unwrap();
        std::os::unix::fs::symlink("..2024_01", mount.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/p.yml", mount.path().join("p.yml")).unwrap();
        fs::create_dir(mount.path().join("folder")).unwrap();
        fs::write(mount.path().join("half.yml~"), "").unwrap();
        let found = read_folder(mount.path()).unwrap();
        assert_eq!(found, contents(&[("p.yml", "1")]));
        fs::write(mount.path().join("large"), vec![0; CONFIG_MAP_BYTES_MAX]).unwrap();
        let error = read_folder(mount.path()).unwrap_err().to_string();
        assert_eq!(error, "its files have over 1048576 bytes");
    }
}
