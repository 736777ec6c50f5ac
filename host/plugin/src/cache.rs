//! Compiled components on disk, so that a start compiles nothing that an earlier one compiled.
//!
//! A file is named after the component's SHA-256, wasmtime's version, the engine's settings, and
//! the SHA-256 of what it holds, so that a torn or rotten one is compiled anew. The folder is the host's own: who can write there can make the host run any code, as with
//! the host's binary. It is made for the owner alone.

#![allow(
    unsafe_code,
    reason = "wasmtime has no other way to load what it compiled: machine code is trusted"
)]

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::WASMTIME_VERSION;
use crate::error::PluginError;
use crate::limits::CACHE_ENTRIES_MAX;

/// How the name of a whole file ends.
const FILE_END: &str = ".cwasm";

/// The folder; none, where nothing can be kept.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: Option<PathBuf>,
}

/// A SHA-256 in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Cache {
    /// Uses a folder, which is made where it is missing.
    pub(crate) fn open(folder: Option<PathBuf>) -> Self {
        let folder = folder.filter(|folder| {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder);
            if let Err(error) = &made {
                let path = folder.display();
                tracing::warn!(%path, %error, "compiled plugins are not kept");
            }
            made.is_ok()
        });
        Self { folder }
    }

    /// The compiled component of a digest, where it is kept. Reads a whole file: not for a thread
    /// that serves requests.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let folder = self.folder.as_ref()?;
        let key = key(engine, digest);
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let rest = name.strip_prefix(&key).and_then(|n| n.strip_prefix('-'));
            if let Some(checksum) = rest.and_then(|rest| rest.strip_suffix(FILE_END))
                && let Some(component) = load_file(engine, &entry.path(), checksum)
            {
                return Some(component);
            }
        }
        None
    }

    /// Keeps what a component was compiled to, and makes it ready to run.
    ///
    /// # Errors
    /// The engine does not take it: it was compiled by another version.
    pub(crate) fn keep(
        &self,
        engine: &Engine,
        digest: &str,
        compiled: &[u8],
    ) -> Result<Component, PluginError> {
        if let Some(folder) = &self.folder {
            match store(folder, &key(engine, digest), compiled) {
                Ok(()) => {
                    if let Some(component) = self.load(engine, digest) {
                        return Ok(component);
                    }
                }
                Err(error) => {
                    let path = folder.display();
                    tracing::warn!(%path, %error, "a compiled plugin could not be kept");
                }
            }
        }
        // SAFETY: the bytes come from the compiler, which is this very program: from its own
        // memory, or through a pipe from a child that no other program could write into.
        let component = unsafe { Component::deserialize(engine, compiled) };
        component.map_err(|error| PluginError::Compile(format!("{error:#}")))
    }
}

/// What a compiled component depends on.
fn key(engine: &Engine, digest: &str) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let settings = settings.finish();
    let machine = std::env::consts::ARCH;
    format!("{digest}-{WASMTIME_VERSION}-{machine}-{settings:016x}")
}

fn load_file(engine: &Engine, file: &Path, checksum: &str) -> Option<Component> {
    if digest(&fs::read(file).ok()?) != checksum {
        return None;
    }
    // SAFETY: the file is what the compiler gave for this very engine's settings, complete by its
    // checksum, in a folder that only the host writes to, and the host never writes into a file
    // that has its name. It stays mapped, so that all processes and instances share its pages.
    unsafe { Component::deserialize_file(engine, file) }.ok()
}

fn store(folder: &Path, key: &str, compiled: &[u8]) -> io::Result<()> {
    // The process' own name, so that two hosts on one folder do not write into each other.
    let unfinished = folder.join(format!("{key}.{}.tmp", std::process::id()));
    let mut output = fs::File::create(&unfinished)?;
    output.write_all(compiled)?;
    output.sync_all()?;
    let checksum = digest(compiled);
    fs::rename(
        &unfinished,
        folder.join(format!("{key}-{checksum}{FILE_END}")),
    )?;
    prune(folder)
}

/// Removes the oldest files beyond the bound.
fn prune(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(CACHE_ENTRIES_MAX);
    for (_, path) in files.into_iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}
