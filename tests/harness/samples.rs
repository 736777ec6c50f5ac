//! The plugin `samples` in each language, built with the commands that authors use.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{binary, component, repository, run};

/// A language, and its source file in `tests/benchmarks/samples` and in a project.
const LANGUAGES: [(&str, &str, &str); 5] = [
    ("rust", "lib.rs", "src/lib.rs"),
    ("c", "plugin.c", "plugin.c"),
    ("go", "main.go", "main.go"),
    ("javascript", "app.js", "app.js"),
    ("python", "app.py", "app.py"),
];

/// The plugin `samples`, built.
#[derive(Debug)]
pub struct Samples {
    project: PathBuf,
}

impl Samples {
    /// The languages that it is written in.
    pub fn languages() -> [&'static str; 5] {
        LANGUAGES.map(|(language, _, _)| language)
    }

    /// Writes a project into a folder and builds it.
    ///
    /// # Panics
    /// A command fails; `tests/run` installs what they need.
    pub fn build(folder: &Path, language: &str) -> Self {
        let project = folder.join(format!("samples-{language}"));
        let path = project.display().to_string();
        plugin(&["new", "--lang", language, "--folder", &path, "samples"]);
        let sources = repository().join("tests/benchmarks/samples");
        let (_, source, place) = LANGUAGES.iter().find(|entry| entry.0 == language).unwrap();
        for (source, place) in [(*source, *place), ("plugin.toml", "plugin.toml")] {
            std::fs::copy(sources.join(source), project.join(place)).unwrap();
        }
        let built = Self { project };
        built.rebuild();
        built
    }

    /// Builds it again, after a change.
    ///
    /// # Panics
    /// As [`Self::build`].
    pub fn rebuild(&self) {
        plugin(&["build", &self.project.display().to_string()]);
    }

    /// The project's folder.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// The component.
    pub fn component(&self) -> Vec<u8> {
        std::fs::read(self.project.join("build/samples.wasm")).unwrap()
    }

    /// The manifest.
    pub fn manifest(&self) -> String {
        std::fs::read_to_string(self.project.join("build/samples.toml")).unwrap()
    }

    /// Puts it into a host's folder under a name of its own.
    pub fn install(&self, folder: &Path, name: &str) {
        let manifest = self.manifest().replace("\"samples\"", &format!("{name:?}"));
        component::install(folder, name, &self.component(), &manifest);
    }
}

fn plugin(arguments: &[&str]) {
    run(Command::new(binary()).arg("plugin").args(arguments));
}
