//! Builds plugins of this workspace as WebAssembly components, by running cargo a second time:
//! from the build script that embeds them, and from tests that run them.
//!
//! The inner cargo has a target directory of its own (`<target>/plugins`), so it waits for no
//! lock of the outer one; it is shared by all profiles and by clippy, so a plugin is built once.
//! Settings that are meant for the outer build are taken out of its environment.
//!
//! It is not: for plugins outside of this workspace.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What plugins are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// The profile of the workspace's `Cargo.toml` that they are compiled with.
pub const PROFILE: &str = "plugin";

/// Variables of the outer cargo that would change what the inner one builds, or how often.
const FOREIGN_VARIABLES: [&str; 17] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "HOST",
    "OUT_DIR",
    "PROFILE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
    "__CARGO_DEFAULT_LIB_METADATA",
];

/// Beginnings of further such variables.
const FOREIGN_PREFIXES: [&str; 7] = [
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_LLVM_COV",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "DEP_",
];

/// Why there are no components. One line that says what to do.
#[derive(Debug)]
pub struct BuildError(String);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}

/// Builds the named packages and returns their components, in the same order.
///
/// `inside_target` is any path inside the outer build's target directory, such as a build
/// script's `OUT_DIR`.
///
/// # Errors
/// The compiler's target is missing and cannot be added, or a package does not compile.
pub fn build(
    workspace: &Path,
    inside_target: &Path,
    packages: &[&str],
) -> Result<Vec<PathBuf>, BuildError> {
    ensure_target()?;
    let target_dir = target_directory(inside_target).join("plugins");
    let mut command = tool("CARGO", "cargo");
    command
        .current_dir(workspace)
        .args([
            "build",
            "--locked",
            "--target",
            TARGET,
            "--profile",
            PROFILE,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        .stdin(Stdio::null());
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command
        .output()
        .map_err(|error| BuildError(format!("cannot run {command:?}: {error}")))?;
    if !output.status.success() {
        // The compiler's own words come first; the last line says what they were about.
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        let packages = packages.join(", ");
        return Err(BuildError(format!(
            "the plugins do not build for {TARGET}: {packages} (the compiler's output is above)"
        )));
    }
    let folder = target_dir.join(TARGET).join(PROFILE);
    let file = |package: &&str| folder.join(format!("{}.wasm", package.replace('-', "_")));
    Ok(packages.iter().map(file).collect())
}

/// Sees that the standard library for [`TARGET`] is there; adds it where rustup can.
fn ensure_target() -> Result<(), BuildError> {
    if has_target() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).stdin(Stdio::null());
    let added = rustup.output().is_ok_and(|output| output.status.success());
    if added && has_target() {
        return Ok(());
    }
    Err(BuildError(format!(
        "the plugins need the compiler's target {TARGET}: run `rustup target add {TARGET}`"
    )))
}

fn has_target() -> bool {
    let mut rustc = tool("RUSTC", "rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    rustc.output().is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(folder.trim()).is_dir()
    })
}

/// The tool that the outer build runs with, in an environment that is not the outer build's.
fn tool(variable: &str, name: &str) -> Command {
    let program = env::var_os(variable).unwrap_or_else(|| OsString::from(name));
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let foreign = FOREIGN_VARIABLES.contains(&text)
            || FOREIGN_PREFIXES
                .iter()
                .any(|prefix| text.starts_with(prefix));
        if foreign {
            command.env_remove(text);
        }
    }
    command
}

/// The outermost folder above `inside` that cargo marked as a target directory, or the one
/// nearest to where build scripts write.
fn target_directory(inside: &Path) -> PathBuf {
    let marked = inside
        .ancestors()
        .filter(|folder| folder.join("CACHEDIR.TAG").is_file())
        .last();
    let nearest = || inside.ancestors().nth(4).unwrap_or(inside);
    marked.unwrap_or_else(nearest).to_owned()
}

/// The files that decide what [`build`] makes, for `cargo:rerun-if-changed`: `plugins` are
/// folders of plugin crates.
pub fn inputs(workspace: &Path, plugins: &[PathBuf]) -> Vec<PathBuf> {
    let mut inputs = vec![
        workspace.join("Cargo.lock"),
        workspace.join("Cargo.toml"),
        workspace.join("sdk/rust/Cargo.toml"),
        workspace.join("sdk/rust/src"),
        workspace.join("wit/v0.1"),
    ];
    for plugin in plugins {
        inputs.extend(["Cargo.toml", "plugin.toml", "src"].map(|name| plugin.join(name)));
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_the_outermost_marked_one() {
        let root = env::temp_dir().join(format!("narthex-builder-{}", std::process::id()));
        let out = root.join("target/release/build/x-1/out");
        std::fs::create_dir_all(&out).unwrap();
        assert_eq!(target_directory(&out), root.join("target"));
        std::fs::write(root.join("target/CACHEDIR.TAG"), "").unwrap();
        assert_eq!(target_directory(&out), root.join("target"));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
