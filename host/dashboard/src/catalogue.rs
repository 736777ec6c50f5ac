//! All dashboards that there are: the one about the server itself, those of plugins, and those of
//! a folder. A file takes the place of another of the same name, and what an installed plugin
//! brings that of what the binary carries.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::Value;

use crate::dashboard::{Dashboard, Format};
use crate::folder::{Folder, FoundFile};

/// The dashboard about the server itself.
const NARTHEX: &str = include_str!("../bundled/narthex.yml");

/// Where a dashboard is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The binary.
    Narthex,
    /// A plugin.
    Plugin,
    /// A file of the folder.
    File,
}

/// A dashboard that travels with a plugin.
#[derive(Debug, Clone, Copy)]
pub struct PluginFile<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// The file's name, whose end says how it is written.
    pub title: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// Who knows the plugins that are installed beside those of the binary. Both may read files, so
/// they may block.
pub trait Packages {
    /// The plugins that are at work, each with a text that is another one for another package.
    fn versions(&self) -> Vec<(String, String)>;

    /// The dashboards that travel with a plugin: the names of their files, and what they hold.
    fn files(&self, plugin: &str) -> Vec<(String, String)>;
}

/// There are none.
impl Packages for () {
    fn versions(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn files(&self, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// A dashboard in the list; or a text that is none, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What it is asked for by; `None` where there is nothing to show.
    pub name: Option<String>,
    /// What people call it; the file's name where there is nothing to show.
    pub title: String,
    /// What it is for, or "".
    pub description: String,
    /// Its project, or "".
    pub project: String,
    /// How many panels it has.
    pub panels: usize,
    /// Where it is from.
    pub source: Source,
    /// The plugin's name or the file's; "" for the binary's own.
    pub origin: String,
    /// Why the file's text of now is not shown. Where there is a name still, the dashboard is
    /// that of the last text that was one.
    pub error: Option<String>,
}

/// All of a dashboard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail {
    /// What the list says of it.
    #[serde(flatten)]
    pub entry: Entry,
    /// The dashboard as it was written, as JSON.
    pub dashboard: Arc<Value>,
}

impl Entry {
    fn of(dashboard: &Dashboard, source: Source, origin: &str, error: Option<String>) -> Self {
        Self {
            name: Some(dashboard.name.clone()),
            title: dashboard.title.clone(),
            description: dashboard.description.clone(),
            project: dashboard.project.clone(),
            panels: dashboard.panels,
            source,
            origin: origin.to_owned(),
            error,
        }
    }

    fn nothing(title: &str, source: Source, origin: &str, error: String) -> Self {
        Self {
            name: None,
            title: title.to_owned(),
            description: String::new(),
            project: String::new(),
            panels: 0,
            source,
            origin: origin.to_owned(),
            error: Some(error),
        }
    }
}

/// What the binary or a package carries.
#[derive(Debug)]
struct Carried {
    source: Source,
    origin: String,
    title: String,
    read: Result<Arc<Dashboard>, String>,
}

impl Carried {
    fn read(source: Source, origin: &str, title: &str, text: &str) -> Self {
        let format = Format::of(title).unwrap_or(Format::Json);
        let read = Dashboard::read(text, format);
        if let Err(error) = &read {
            tracing::warn!(origin, title, %error, "a dashboard cannot be read");
        }
        Self {
            source,
            origin: origin.to_owned(),
            title: title.to_owned(),
            read: read.map(Arc::new).map_err(|error| error.to_string()),
        }
    }
}

/// What was found in an installed package.
#[derive(Debug)]
struct Package {
    version: String,
    dashboards: Vec<Carried>,
}

#[derive(Debug, Clone, Default)]
struct Metrics {
    known: Gauge<i64, AtomicI64>,
    failed: Gauge<i64, AtomicI64>,
}

/// All dashboards.
#[derive(Debug)]
pub struct Catalogue {
    carried: Vec<Carried>,
    /// By the plugin's name.
    installed: Mutex<BTreeMap<String, Package>>,
    folder: Option<Mutex<Folder>>,
    metrics: Metrics,
}

/// An entry with what it shows.
type Found = (Entry, Option<Arc<Value>>);

impl Catalogue {
    /// The binary's own, those of plugins, and those of a folder, which is looked at whenever
    /// somebody asks.
    pub fn new(of_plugins: &[PluginFile<'_>], folder: Option<PathBuf>) -> Self {
        let own = Carried::read(Source::Narthex, "", "narthex.yml", NARTHEX);
        let of_plugins = of_plugins
            .iter()
            .map(|file| Carried::read(Source::Plugin, file.plugin, file.title, file.text));
        Self {
            carried: std::iter::once(own).chain(of_plugins).collect(),
            installed: Mutex::default(),
            folder: folder.map(|path| Mutex::new(Folder::new(path))),
            metrics: Metrics::default(),
        }
    }

    /// Lets a registry show how many dashboards there were when somebody looked last.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "narthex_dashboards",
            "Dashboards that can be shown, when the list was last asked for",
            self.metrics.known.clone(),
        );
        registry.register(
            "narthex_dashboards_failed",
            "Dashboards that cannot be read as they are now, when the list was last asked for",
            self.metrics.failed.clone(),
        );
    }

    /// All of them, by their titles. It reads files, so it may block.
    pub fn list<P: Packages + ?Sized>(&self, packages: &P) -> Vec<Entry> {
        let all = self.all(packages).into_iter();
        let mut found: Vec<Entry> = all.map(|(entry, _)| entry).collect();
        found.sort_by(|a, b| (&a.title, &a.origin).cmp(&(&b.title, &b.origin)));
        let count = |is_meant: fn(&Entry) -> bool| {
            let count = found.iter().filter(|entry| is_meant(entry)).count();
            i64::try_from(count).unwrap_or(i64::MAX)
        };
        self.metrics.known.set(count(|entry| entry.name.is_some()));
        self.metrics
            .failed
            .set(count(|entry| entry.error.is_some()));
        found
    }

    /// The one of that name; `None` where there is none. It reads files, so it may block.
    pub fn detail<P: Packages + ?Sized>(&self, packages: &P, name: &str) -> Option<Detail> {
        let all = self.all(packages).into_iter();
        let mut named = all.filter(|(entry, _)| entry.name.as_deref() == Some(name));
        let (entry, dashboard) = named.next()?;
        Some(Detail {
            entry,
            dashboard: dashboard?,
        })
    }

    /// What each of them holds. It reads files, so it may block.
    pub fn contents<P: Packages + ?Sized>(&self, packages: &P) -> Vec<Arc<Value>> {
        let all = self.all(packages).into_iter();
        all.filter_map(|(_, dashboard)| dashboard).collect()
    }

    fn all<P: Packages + ?Sized>(&self, packages: &P) -> Vec<Found> {
        let mut found = Vec::new();
        // Whose each name is.
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        if let Some(folder) = &self.folder {
            let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
            folder.look();
            if let Some(fault) = folder.fault() {
                let path = folder.path().display().to_string();
                let entry = Entry::nothing(&path, Source::File, &path, fault.to_owned());
                found.push((entry, None));
            }
            found.extend(
                folder
                    .files()
                    .map(|(name, file)| of_file(name, file, &mut taken)),
            );
        }
        let mut installed = self
            .installed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        look_at(packages, &mut installed);
        let of_packages = installed.values().flat_map(|package| &package.dashboards);
        for carried in of_packages.chain(&self.carried) {
            let (source, origin) = (carried.source, carried.origin.as_str());
            match &carried.read {
                Ok(dashboard) if taken.contains_key(&dashboard.name) => {}
                Ok(dashboard) => {
                    taken.insert(dashboard.name.clone(), carried.title.clone());
                    let entry = Entry::of(dashboard, source, origin, None);
                    found.push((entry, Some(Arc::clone(&dashboard.document))));
                }
                Err(error) => {
                    let entry = Entry::nothing(&carried.title, source, origin, error.clone());
                    found.push((entry, None));
                }
            }
        }
        found
    }
}

/// Reads what has come or is another package now, and forgets what is gone.
fn look_at<P: Packages + ?Sized>(packages: &P, known: &mut BTreeMap<String, Package>) {
    let now: BTreeMap<String, String> = packages.versions().into_iter().collect();
    known.retain(|plugin, package| now.get(plugin) == Some(&package.version));
    for (plugin, version) in now {
        if known.contains_key(&plugin) {
            continue;
        }
        let files = packages.files(&plugin);
        let read =
            |(title, text): &(String, String)| Carried::read(Source::Plugin, &plugin, title, text);
        let dashboards = files.iter().map(read).collect();
        known.insert(
            plugin,
            Package {
                version,
                dashboards,
            },
        );
    }
}

/// A file as an entry; of two with one name the first has it.
fn of_file(name: &str, file: &FoundFile, taken: &mut BTreeMap<String, String>) -> Found {
    let Some(dashboard) = &file.dashboard else {
        let error = file.error.clone().unwrap_or_default();
        return (Entry::nothing(name, Source::File, name, error), None);
    };
    if let Some(other) = taken.get(&dashboard.name) {
        let error = format!("its name {:?} is that of {other}", dashboard.name);
        return (Entry::nothing(name, Source::File, name, error), None);
    }
    taken.insert(dashboard.name.clone(), name.to_owned());
    let entry = Entry::of(dashboard, Source::File, name, file.error.clone());
    (entry, Some(Arc::clone(&dashboard.document)))
}

#[cfg(test)]
mod tests;
