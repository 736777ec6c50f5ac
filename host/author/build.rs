//! Writes down what the binary carries for authors: the contract, and the SDK and template of
//! each language.
//!
//! The Rust SDK is a member of this workspace, and leans on it: for its versions, its lints, the
//! path of the contract. What is embedded stands alone.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use toml::{Table, Value};

/// The languages, as their folders below `sdk/` are named.
const LANGUAGES: [&str; 5] = ["rust", "go", "python", "javascript", "c"];

/// What tools leave behind in a source folder, and the tests of the SDKs themselves.
const LEFT_BEHIND: [&str; 8] = [
    "__pycache__",
    "build",
    "node_modules",
    "target",
    "Cargo.lock",
    "tests",
    ".pytest_cache",
    ".venv",
];

/// Where the Rust SDK finds the contract inside the workspace, and where outside.
const WIT_PATHS: (&str, &str) = ("../../wit/v0.1", "wit");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let workspace = here
        .ancestors()
        .nth(2)
        .ok_or("host/author lies in the workspace")?;
    let mut list = String::new();
    let wit = workspace.join("wit/v0.1");
    table(&mut list, "WIT", files(&wit)?)?;
    for language in LANGUAGES {
        let sdk = workspace.join("sdk").join(language);
        let template = sdk.join("template");
        let name = language.to_uppercase();
        table(&mut list, &format!("{name}_TEMPLATE"), files(&template)?)?;
        let mut sdk_files = files(&sdk)?;
        // Its tests would be taken for the project's own.
        let tests = sdk.join("tests");
        sdk_files.retain(|(_, path)| !path.starts_with(&template) && !path.starts_with(&tests));
        if language == "rust" {
            sdk_files = rust_sdk(workspace, &out, sdk_files)?;
        }
        table(&mut list, &format!("{name}_SDK"), sdk_files)?;
        println!("cargo::rerun-if-changed={}", sdk.display());
    }
    let lock = out.join("Cargo.lock");
    fs::write(&lock, sdk_lock(workspace)?)?;
    writeln!(
        list,
        "/// The versions that the Rust SDK is tested with.\n\
         pub(crate) const RUST_LOCK: &str = include_str!({lock:?});"
    )?;
    fs::write(out.join("embedded.rs"), list)?;
    for path in ["wit/v0.1", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// Every file below a folder: its path from there, and where it is. Sorted.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    collect(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if LEFT_BEHIND.contains(&&*name) {
            continue;
        }
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found)?;
        } else {
            found.push((name, path));
        }
    }
    Ok(())
}

fn table(list: &mut String, name: &str, files: Vec<(String, PathBuf)>) -> Result<()> {
    writeln!(list, "pub(crate) const {name}: &[EmbeddedFile] = &[")?;
    for (name, path) in files {
        writeln!(
            list,
            "    EmbeddedFile {{ path: {name:?}, content: include_bytes!({path:?}) }},"
        )?;
    }
    writeln!(list, "];")?;
    Ok(())
}

/// The Rust SDK as a crate that stands alone, with the contract inside it.
fn rust_sdk(
    workspace: &Path,
    out: &Path,
    sources: Vec<(String, PathBuf)>,
) -> Result<Vec<(String, PathBuf)>> {
    let own = out.join("rust-sdk");
    let mut files = Vec::new();
    for (name, path) in sources {
        let copy = own.join(&name);
        fs::create_dir_all(copy.parent().unwrap_or(&own))?;
        if name == "Cargo.toml" {
            fs::write(&copy, alone(workspace, &fs::read_to_string(&path)?)?)?;
        } else if name.starts_with("src/") {
            let text = fs::read_to_string(&path)?;
            fs::write(&copy, text.replace(WIT_PATHS.0, WIT_PATHS.1))?;
        } else {
            continue;
        }
        files.push((name, copy));
    }
    for (name, path) in self::files(&workspace.join("wit/v0.1"))? {
        files.push((format!("wit/{name}"), path));
    }
    Ok(files)
}

/// A manifest with what it inherits from the workspace written out.
fn alone(workspace: &Path, manifest: &str) -> Result<String> {
    let root: Table = fs::read_to_string(workspace.join("Cargo.toml"))?.parse()?;
    let root = root
        .get("workspace")
        .and_then(Value::as_table)
        .ok_or("Cargo.toml is not a workspace's")?;
    let mut manifest: Table = manifest.parse()?;
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        inherit(package, root.get("package"))?;
    }
    for section in ["dependencies", "dev-dependencies"] {
        if let Some(section) = manifest.get_mut(section).and_then(Value::as_table_mut) {
            inherit(section, root.get("dependencies"))?;
        }
    }
    // The lints are the workspace's own matter.
    manifest.remove("lints");
    Ok(toml::to_string(&manifest)?)
}

fn inherit(section: &mut Table, source: Option<&Value>) -> Result<()> {
    for (name, value) in section.iter_mut() {
        let Some(own) = value.as_table() else {
            continue;
        };
        if own.get("workspace") != Some(&Value::Boolean(true)) {
            continue;
        }
        let inherited = source
            .and_then(|source| source.get(name))
            .ok_or_else(|| format!("{name} is not in the workspace's table"))?;
        if inherited.get("path").is_some() {
            return Err(format!("{name} is a crate of this workspace").into());
        }
        let mut whole = inherited.clone();
        let more = own.get("features").and_then(Value::as_array);
        if let Some(more) = more {
            let table = whole.as_table_mut().ok_or("features need a table")?;
            let features = table
                .entry("features")
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Some(features) = features.as_array_mut() {
                features.extend(more.iter().cloned());
            }
        }
        *value = whole;
    }
    Ok(())
}

/// The part of the workspace's lock file that the Rust SDK needs, so that a new project begins
/// with versions that are known to work.
fn sdk_lock(workspace: &Path) -> Result<String> {
    let lock: Table = fs::read_to_string(workspace.join("Cargo.lock"))?.parse()?;
    let packages = lock
        .get("package")
        .and_then(Value::as_array)
        .ok_or("Cargo.lock has no packages")?;
    let text = |package: &Value, field: &str| {
        let text = package.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut wanted = vec!["narthex-sdk".to_owned()];
    let mut kept: Vec<Value> = Vec::new();
    while let Some(name) = wanted.pop() {
        // Written as a name alone where that is enough, else with the version.
        let mut parts = name.split(' ');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next());
        let found = packages.iter().find(|package| {
            text(package, "name") == name
                && version.is_none_or(|version| text(package, "version") == version)
        });
        let package = found.ok_or_else(|| format!("{name} is not in Cargo.lock"))?;
        if kept.contains(package) {
            continue;
        }
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
        wanted.extend(names.map(str::to_owned));
        kept.push(package.clone());
    }
    kept.sort_by_key(|package| (text(package, "name"), text(package, "version")));
    // One that needs no version now would be written without it.
    let names: Vec<String> = kept.iter().map(|package| text(package, "name")).collect();
    for package in &mut kept {
        let dependencies = package
            .get_mut("dependencies")
            .and_then(Value::as_array_mut);
        for dependency in dependencies.into_iter().flatten() {
            let name = dependency.as_str().unwrap_or_default();
            let name = name.split(' ').next().unwrap_or_default().to_owned();
            if names.iter().filter(|other| **other == name).count() == 1 {
                *dependency = Value::String(name);
            }
        }
    }
    let mut pruned = Table::new();
    let version = lock.get("version").cloned();
    pruned.insert("version".to_owned(), version.unwrap_or(Value::Integer(4)));
    pruned.insert("package".to_owned(), Value::Array(kept));
    Ok(toml::to_string(&pruned)?)
}
