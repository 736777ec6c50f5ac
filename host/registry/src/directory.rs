//! The plugin directory: a layout for each installed plugin, and the loose pairs of developers.
//!
//! It is not: the watch that puts what changes here to work, which is the runtime's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bounds::MANIFEST_BYTES_MAX;
use crate::contents::{Entry, Installed};
use crate::digest::Digest;
use crate::error::PackageError;
use crate::layout::{Layout, Replaced};
use crate::manifest::{Manifest, is_name};
use crate::package::read_file;
use crate::request::GrantList;
use crate::version::is_forward;

/// So many plugins of a folder are looked at, in the order of their names.
pub(crate) const PLUGINS_MAX: usize = 1000;

/// The folder of `plugins.directory`.
#[derive(Debug, Clone)]
pub struct PluginDirectory {
    path: PathBuf,
}

/// A plugin of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What is there, or why it cannot be read.
    pub state: Result<ListedState, PackageError>,
}

/// What there is of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedState {
    /// An installed package.
    Installed {
        /// What is at work.
        current: Box<Entry>,
        /// What a roll-back would put to work.
        previous: Option<Box<Entry>>,
    },
    /// `NAME.wasm` and `NAME.toml`.
    Pair(Box<Manifest>),
}

/// What installing a package would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The version that is at work now.
    pub from: Option<String>,
    /// The version that would be.
    pub to: String,
    /// Whether that very package is at work already.
    pub is_installed: bool,
    /// Whether that very package was at work before: someone rolled it back.
    pub was_rolled_back: bool,
    /// What it asks for beyond what the one at work does; all it asks for where there is none.
    pub beyond: GrantList,
}

impl Update {
    /// Whether it is not known to be a step forward.
    pub fn is_downgrade(&self) -> bool {
        let from = self.from.as_deref();
        from.is_some_and(|from| !is_forward(from, &self.to))
    }
}

impl PluginDirectory {
    /// The one at a path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a plugin.
    fn folder(&self, name: &str) -> Result<PathBuf, PackageError> {
        if !is_name(name) {
            let text = format!("{name:?} cannot be a plugin's name");
            return Err(PackageError::Invalid(text));
        }
        Ok(self.path.join(name))
    }

    /// The layout of an installed plugin.
    ///
    /// # Errors
    /// It is not installed, or damaged.
    pub fn open(&self, name: &str) -> Result<Layout, PackageError> {
        let folder = self.folder(name)?;
        match Layout::is_at(&folder) {
            true => Layout::open(folder),
            false => Err(PackageError::NotFound(format!(
                "plugin {name} is not installed in {}",
                self.path.display()
            ))),
        }
    }

    /// The digest of the package at work, where the plugin is installed.
    pub fn current_digest(&self, name: &str) -> Option<Digest> {
        let contents = self.open(name).and_then(|layout| layout.contents());
        contents.and_then(|contents| contents.current_digest()).ok()
    }

    /// The plugins' names, sorted, and whether each is a pair: files that end in `.wasm`, and
    /// folders that are layouts, whose name can be a plugin's. Anything else (a file being
    /// uploaded under another name) is none. A name that is both is there twice.
    ///
    /// At most 1,000; those beyond are left out.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<(String, bool)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let is_pair = path.extension().is_some_and(|end| end == "wasm");
            // `redis.old` is no layout of `redis`.
            let name = match is_pair {
                true => path.file_stem(),
                false => path.file_name(),
            };
            let name = name.and_then(|name| name.to_str());
            let name = name.filter(|name| is_name(name));
            if let Some(name) = name.filter(|_| is_pair || Layout::is_at(&path)) {
                names.push((name.to_owned(), is_pair));
            }
        }
        names.sort_unstable();
        names.truncate(PLUGINS_MAX);
        Ok(names)
    }

    /// All plugins by name, as [`Self::names`] finds them.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, PackageError> {
        let names = self.names();
        let names = names.map_err(|error| PackageError::file(&self.path, &error))?;
        let listed = names.into_iter().map(|(name, is_pair)| Listed {
            state: match is_pair {
                true => self.pair(&name),
                false => self.installed(&name),
            },
            name,
        });
        Ok(listed.collect())
    }

    fn pair(&self, name: &str) -> Result<ListedState, PackageError> {
        let path = self.path.join(format!("{name}.toml"));
        let text = read_file(&path, MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::parse(&String::from_utf8_lossy(&text));
        let manifest = manifest.map_err(PackageError::Invalid)?;
        Ok(ListedState::Pair(Box::new(manifest)))
    }

    fn installed(&self, name: &str) -> Result<ListedState, PackageError> {
        let contents = self.open(name)?.contents()?;
        let packages = contents.packages()?;
        let entry = |digest: Digest| {
            let found = packages.iter().find(|entry| entry.digest == digest);
            found.map(|entry| Box::new(entry.clone()))
        };
        let missing = || PackageError::NotFound("it holds no plugin package".to_owned());
        Ok(ListedState::Installed {
            current: entry(contents.current_digest()?).ok_or_else(missing)?,
            previous: contents.previous_digest().and_then(entry),
        })
    }

    /// What installing a package would change.
    ///
    /// # Errors
    /// What is installed is damaged, or a loose pair is in the way.
    pub fn update(&self, candidate: &Installed) -> Result<Update, PackageError> {
        let manifest = &candidate.package.manifest;
        let name = &manifest.name;
        let pair = self.path.join(format!("{name}.wasm"));
        if pair.exists() {
            let text = format!("{} is there: remove it first", pair.display());
            return Err(PackageError::File(text));
        }
        let folder = self.folder(name)?;
        if !Layout::is_at(&folder) {
            return Ok(Update {
                from: None,
                to: manifest.version.clone(),
                is_installed: false,
                was_rolled_back: false,
                beyond: manifest.request.beyond(&GrantList::default()),
            });
        }
        let contents = Layout::open(folder)?.contents()?;
        let current = contents.current()?;
        let installed = &current.package.manifest;
        Ok(Update {
            from: Some(installed.version.clone()),
            to: manifest.version.clone(),
            is_installed: current.digest == candidate.digest,
            was_rolled_back: contents.previous_digest() == Some(candidate.digest),
            beyond: manifest.request.beyond(&installed.request),
        })
    }

    /// Installs a package. Whether it may be is the caller's to have asked ([`Self::update`],
    /// [`crate::TrustPolicy`]).
    ///
    /// # Errors
    /// It cannot be written; then the one at work is as it was.
    pub fn install(&self, candidate: &Installed) -> Result<Replaced, PackageError> {
        let folder = self.folder(&candidate.package.manifest.name)?;
        Layout::create(folder)?.install(&candidate.image, &candidate.signatures)
    }

    /// Removes an installed plugin with its previous version. It is out of the directory in one
    /// step; links are removed, not followed.
    ///
    /// # Errors
    /// It is not installed, or cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), PackageError> {
        let folder = self.folder(name)?;
        self.open(name)?;
        let away = self.path.join(format!(".{name}.removed"));
        let fault = |error| PackageError::file(&folder, &error);
        if fs::symlink_metadata(&folder).map_err(fault)?.is_symlink() {
            return fs::remove_file(&folder).map_err(fault);
        }
        if away.exists() {
            // A removal that was cut off.
            fs::remove_dir_all(&away).map_err(fault)?;
        }
        fs::rename(&folder, &away).map_err(fault)?;
        fs::remove_dir_all(&away).map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::package;

    fn candidate(version: &str) -> Installed {
        Installed::new(package(version).image().unwrap(), Vec::new()).unwrap()
    }

    #[test]
    fn plugins_are_installed_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PluginDirectory::new(folder.path().join("plugins"));
        assert!(directory.list().is_err());
        let update = directory.update(&candidate("0.1.0")).unwrap();
        assert_eq!((update.from.clone(), update.is_downgrade()), (None, false));
        directory.install(&candidate("0.1.0")).unwrap();
        assert!(directory.update(&candidate("0.1.0")).unwrap().is_installed);
        let update = directory.update(&candidate("0.2.0")).unwrap();
        assert_eq!(update.from.as_deref(), Some("0.1.0"));
        directory.install(&candidate("0.2.0")).unwrap();
        let update = directory.update(&candidate("0.1.0")).unwrap();
        assert!(update.is_downgrade() && update.was_rolled_back);

        let pair = directory.path().join("mine.wasm");
        fs::write(&pair, "").unwrap();
        fs::write(
            pair.with_extension("toml"),
            "name = \"mine\"\nversion = \"1\"\nworld = \"exporter\"\nwit = \"0.1\"\n",
        )
        .unwrap();
        fs::create_dir(directory.path().join("not-a-layout")).unwrap();
        let listed = directory.list().unwrap();
        let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(names, ["mine", "redis"]);
        let Ok(ListedState::Installed { current, previous }) = &listed[1].state else {
            panic!("{listed:?}");
        };
        assert_eq!(current.version, "0.2.0");
        assert_eq!(previous.as_ref().unwrap().version, "0.1.0");

        directory.remove("redis").unwrap();
        assert_eq!(directory.list().unwrap().len(), 1);
        assert!(directory.remove("redis").is_err());
        assert!(
            directory.remove("mine").is_err(),
            "a developer's pair is not ours to remove"
        );
    }

    #[test]
    fn a_name_cannot_lead_out_and_a_pair_is_not_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PluginDirectory::new(folder.path());
        for name in ["..", "../x", "/etc", "a/b", ""] {
            assert!(directory.remove(name).is_err(), "{name}");
            assert!(directory.open(name).is_err(), "{name}");
        }
        fs::write(folder.path().join("redis.wasm"), "").unwrap();
        let error = directory
            .update(&candidate("0.1.0"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("redis.wasm is there"), "{error}");
    }
}
