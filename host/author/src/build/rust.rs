//! Rust: cargo, for `wasm32-wasip2`, which makes a component by itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tool::Tool;
use crate::{AuthorError, Project, file};

/// What plugins are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// Builds the project's one library.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let cargo = cargo()?;
    ensure_target(&project.folder)?;
    // Cargo alone knows where it puts what, so it is asked; its remarks go to standard error.
    let messages = cargo.output(|command| {
        command.current_dir(&project.folder).args([
            "build",
            "--release",
            "--lib",
            "--target",
            TARGET,
            "--message-format=json-render-diagnostics",
        ]);
    })?;
    let manifest = project.folder.join("Cargo.toml");
    let component = components(&messages, &manifest).pop().ok_or_else(|| {
        AuthorError::Project(format!(
            "{} has no library that becomes a component: it needs `crate-type = [\"cdylib\"]` \
             under [lib]",
            manifest.display()
        ))
    })?;
    file::read(&component)
}

fn cargo() -> Result<Tool, AuthorError> {
    let found = Tool::from_variable("CARGO").or_else(|| Tool::on_path("cargo"));
    found.ok_or(AuthorError::MissingTool {
        language: "Rust",
        tool: "cargo",
        advice: "install Rust with rustup, https://rustup.rs",
    })
}

/// The components that cargo says it left of the package with that manifest.
fn components(messages: &str, manifest: &Path) -> Vec<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let own = messages.filter(|message| {
        message["reason"] == "compiler-artifact"
            && message["manifest_path"]
                .as_str()
                .is_some_and(|path| Path::new(path) == manifest)
    });
    own.flat_map(|message| {
        let files = message["filenames"].as_array().cloned().unwrap_or_default();
        files.into_iter().filter_map(|file| {
            let file = PathBuf::from(file.as_str()?);
            (file.extension()? == "wasm").then_some(file)
        })
    })
    .collect()
}

/// Sees that the standard library for [`TARGET`] is there; adds it where rustup can. A project
/// can have a toolchain of its own, so it is asked in the project's folder.
fn ensure_target(folder: &Path) -> Result<(), AuthorError> {
    let rustc = Tool::from_variable("RUSTC").unwrap_or_else(|| Tool::new(["rustc"]));
    let has_target = || {
        let mut command = rustc.command();
        command.current_dir(folder);
        command.args(["--print", "target-libdir", "--target", TARGET]);
        command.output().is_ok_and(|output| {
            let folder = String::from_utf8_lossy(&output.stdout);
            output.status.success() && Path::new(folder.trim()).is_dir()
        })
    };
    if has_target() {
        return Ok(());
    }
    let mut rustup = Tool::new(["rustup"]).command();
    rustup
        .current_dir(folder)
        .args(["target", "add", TARGET])
        .status()
        .ok();
    if has_target() {
        return Ok(());
    }
    Err(AuthorError::MissingTool {
        language: "Rust",
        tool: "the compiler's target wasm32-wasip2",
        advice: "run `rustup target add wasm32-wasip2`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_the_one_of_the_project_itself() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/r/dep/Cargo.toml","filenames":["/t/dep.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/p.wasm","/t/libp.rlib"]}
{"reason":"build-finished","success":true}"#;
        let found = components(messages, Path::new("/p/Cargo.toml"));
        assert_eq!(found, [PathBuf::from("/t/p.wasm")]);
        assert!(components("not JSON", Path::new("/p/Cargo.toml")).is_empty());
    }
}
