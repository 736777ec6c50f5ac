//! A plugin that has been built: its component, its manifest, its fixtures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use narthex_registry::{MANIFEST_FILE, Manifest};

use crate::AuthorError;
use crate::project::{BUILD, component_in, find_manifest, read_manifest};

/// Where a project has its fixtures.
const FIXTURES_FOLDER: &str = "fixtures";

/// A plugin that has been built.
#[derive(Debug, Clone)]
pub struct BuiltPlugin {
    /// What its manifest says.
    pub manifest: Manifest,
    /// The manifest's file.
    pub manifest_file: PathBuf,
    /// The component's file.
    pub component: PathBuf,
    /// The folder of its fixtures, which may not be there.
    pub fixtures: PathBuf,
}

impl BuiltPlugin {
    /// Finds a plugin by its project's folder or by its component's file. `component` is another
    /// file to take for a project's component.
    ///
    /// The manifest of a component alone is the file of its name beside it that ends in `.toml`,
    /// or the `plugin.toml` beside it.
    ///
    /// # Errors
    /// There is no component, no manifest, or one that is wrong.
    pub fn find(path: &Path, component: Option<&Path>) -> Result<Self, AuthorError> {
        if path.is_dir() {
            return Self::of_project(path, component);
        }
        if component.is_some() {
            let text = format!("{} is not a project's folder", path.display());
            return Err(AuthorError::Project(text));
        }
        if path.extension().is_none_or(|extension| extension != "wasm") || !path.is_file() {
            return Err(AuthorError::Project(format!(
                "{} is neither a plugin's folder nor a component (NAME.wasm)",
                path.display()
            )));
        }
        let beside = path.parent().unwrap_or(Path::new(""));
        let candidates = [path.with_extension("toml"), beside.join(MANIFEST_FILE)];
        let manifest_file = candidates.iter().find(|file| file.is_file());
        let manifest_file = manifest_file.ok_or_else(|| {
            let [own, of_project] = candidates.each_ref().map(|path| path.display());
            AuthorError::Project(format!(
                "there is no manifest: neither {own} nor {of_project}"
            ))
        })?;
        let project = match beside.file_name() {
            Some(name) if name == BUILD => beside.parent().unwrap_or(beside),
            _ => beside,
        };
        Ok(Self {
            manifest: read_manifest(manifest_file)?,
            manifest_file: manifest_file.clone(),
            component: path.to_owned(),
            fixtures: project.join(FIXTURES_FOLDER),
        })
    }

    fn of_project(folder: &Path, component: Option<&Path>) -> Result<Self, AuthorError> {
        let manifest_file = find_manifest(folder)?;
        let manifest = read_manifest(&manifest_file)?;
        let built = component_in(folder, &manifest);
        let component = component.map_or(built, Path::to_owned);
        if !component.is_file() {
            return Err(AuthorError::Project(format!(
                "{} is not there: `narthex plugin build {}` makes it",
                component.display(),
                folder.display()
            )));
        }
        Ok(Self {
            manifest,
            manifest_file,
            component,
            fixtures: folder.join(FIXTURES_FOLDER),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The longest that one of its calls may take.
    pub fn timeout(&self) -> Duration {
        let own = self.manifest.limits.timeout;
        own.map_or(CALL_TIMEOUT_DEFAULT, |timeout| timeout.as_std())
    }
}

/// The longest that a call may take where the manifest says nothing: a scrape's timeout by
/// default.
pub const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MANIFEST: &str = "name = \"x\"\nversion = \"1\"\nworld = \"exporter\"\nwit = \"0.1\"\n";

    #[test]
    fn a_plugin_is_found_by_its_folder_and_by_its_component() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let fault = |path: &Path| BuiltPlugin::find(path, None).unwrap_err().to_string();
        assert!(fault(root).contains("has no plugin.toml"));
        fs::write(root.join("plugin.toml"), MANIFEST).unwrap();
        assert!(fault(root).contains("build/x.wasm is not there: `narthex plugin build"));
        fs::create_dir(root.join("build")).unwrap();
        let component = root.join("build/x.wasm");
        fs::write(&component, "").unwrap();
        assert!(fault(&component).contains("there is no manifest: neither"));
        fs::write(root.join("build/x.toml"), MANIFEST).unwrap();
        for path in [root, &component] {
            let found = BuiltPlugin::find(path, None).unwrap();
            assert_eq!(found.component, component);
            assert_eq!(found.fixtures, root.join("fixtures"));
        }
        let other = root.join("other.wasm");
        fs::write(&other, "").unwrap();
        let found = BuiltPlugin::find(root, Some(&other)).unwrap();
        assert_eq!(found.component, other);
        assert!(fault(&root.join("y.wasm")).contains("neither a plugin's folder nor"));
        fs::write(root.join("plugin.toml"), "name = 1").unwrap();
        assert!(fault(root).contains("plugin.toml:"));
    }
}
