//! What the commands that try plugins out have in common on the command line.

use std::collections::BTreeMap;

use anyhow::Context as _;
use narthex_author::BuiltPlugin;
use narthex_author::fixture::{self, Fixture};
use serde_json::Value;

/// What stands before a file's name.
const FILE_MARK: char = '@';

/// A configuration as JSON, or of a file: `@FILE`.
///
/// # Errors
/// The file cannot be read, or it is not JSON.
pub(super) fn json(text: &str) -> anyhow::Result<Value> {
    match text.strip_prefix(FILE_MARK) {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
            serde_json::from_str(&text).with_context(|| format!("{file} is not JSON"))
        }
        None => serde_json::from_str(text).with_context(|| format!("{text:?} is not JSON")),
    }
}

/// Texts of the form NAME=VALUE.
///
/// # Errors
/// One is not.
pub(super) fn pairs(texts: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let pairs = texts.iter().map(|text| {
        let (name, value) = text
            .split_once('=')
            .with_context(|| format!("{text:?} is not NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

/// The fixtures of a plugin.
///
/// # Errors
/// One cannot be read: then all faults, a line each.
pub(super) fn fixtures(plugin: &BuiltPlugin) -> anyhow::Result<Vec<Fixture>> {
    fixture::read_folder(&plugin.fixtures).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", errors.join("\n"))
    })
}

/// The runtime for one command.
///
/// # Errors
/// The system gives no threads.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
