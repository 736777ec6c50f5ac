//! Compiled components on disk, so that a start compiles nothing that an earlier one compiled.
//!
//! A file is named after the component's SHA-256, wasmtime's version and the engine's settings,
//! and begins with the SHA-256 of what follows, so that a torn or rotten one is compiled anew.
//! The folder is the host's own: who can write there can make the host run any code, as with
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

/// The length of the checksum at the beginning of a file.
const CHECKSUM_BYTES: usize = 32;

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

    /// Takes the compiled component from the folder, or compiles it and puts it there. This
    /// takes as long as a compiler takes: not for a thread that serves requests.
    pub(crate) fn compile(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, PluginError> {
        let file = self
            .folder
            .as_ref()
            .map(|f| f.join(file_name(engine, wasm)));
        if let Some(component) = file.as_ref().and_then(|file| load(engine, file)) {
            return Ok(component);
        }
        let component = Component::from_binary(engine, wasm)
            .map_err(|error| PluginError::Component(format!("{error:#}")))?;
        if let (Some(folder), Some(file)) = (&self.folder, &file) {
            let stored = store(&component, file).and_then(|()| prune(folder));
            if let Err(error) = stored {
                let path = file.display();
                tracing::warn!(%path, %error, "a compiled plugin could not be kept");
            }
        }
        Ok(component)
    }
}

fn file_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let settings = settings.finish();
    let content = digest(wasm);
    let machine = std::env::consts::ARCH;
    format!("{content}-{WASMTIME_VERSION}-{machine}-{settings:016x}.cwasm")
}

fn load(engine: &Engine, file: &Path) -> Option<Component> {
    let bytes = fs::read(file).ok()?;
    let (checksum, compiled) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    if Sha256::digest(compiled)[..] != *checksum {
        return None;
    }
    // SAFETY: the bytes are what `serialize` gave for this very engine's settings, complete by
    // their checksum, from a folder that only the host writes to.
    unsafe { Component::deserialize(engine, compiled) }.ok()
}

fn store(component: &Component, file: &Path) -> io::Result<()> {
    let compiled = component.serialize().map_err(io::Error::other)?;
    // The process' own name, so that two hosts on one folder do not write into each other.
    let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut output = fs::File::create(&unfinished)?;
    output.write_all(&Sha256::digest(&compiled))?;
    output.write_all(&compiled)?;
    output.sync_all()?;
    fs::rename(&unfinished, file)
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
