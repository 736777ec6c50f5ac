//! Reads YAML as Prometheus' own reader does, and says of each fault where it stands.
//!
//! A text becomes a tree once ([`tree`]); all that is read is read from it ([`deserialize`]).
//! What is printed is printed for readers of YAML 1.1 too ([`print`]).
//! It is not: where a section's meaning is known. Each crate owns its part; [`crate::config`]
//! puts them together.

mod access;
mod deserialize;
mod document;
mod mention;
mod nearest;
mod places;
mod print;
mod scalar;
mod snippet;
mod tree;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::{fmt, io};

use serde::de::DeserializeOwned;

pub(crate) use self::document::{Document, Part, Taken, shown};
pub(crate) use self::nearest::nearest;
pub(crate) use self::places::Places;
pub(crate) use self::print::to_string;

/// A file may have this many bytes; a larger one is refused. It bounds what the reader builds
/// from a file without aliases; those have a bound of their own.
pub(crate) const FILE_BYTES_MAX: usize = 64 << 20;

/// Reads a file that is not larger than that.
///
/// # Errors
/// It is, or it cannot be read.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // A pipe has no size that could be asked for.
    let mut file = File::open(path)?.take(FILE_BYTES_MAX as u64 + 1);
    file.read_to_string(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        let error = format!("the file has over {FILE_BYTES_MAX} bytes");
        return Err(io::Error::other(error));
    }
    Ok(text)
}

/// Brackets and blocks may be nested this deep.
const DEPTH_MAX: usize = 64;

/// After so many faults the rest of a file is not read: each costs another reading of it.
const FAULTS_MAX: usize = 100;

/// So many fields that nobody knows are ignored; the next one is a fault: each costs another reading
/// of the file.
const IGNORED_FIELDS_MAX: usize = 1000;

/// What becomes of fields that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum UnknownFields {
    /// Each is a fault.
    #[default]
    Refused,
    /// They are as if they were not there.
    Ignored,
}

impl UnknownFields {
    /// Of `--ignore-unknown-fields`.
    pub(crate) fn of_flag(is_ignored: bool) -> Self {
        match is_ignored {
            true => Self::Ignored,
            false => Self::Refused,
        }
    }
}

/// Line and column, from 1.
type Place = (u64, u64);

/// Faults of one file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// The file, as the user named it.
    pub(crate) file: String,
    /// At least one.
    pub(crate) faults: Vec<Fault>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fault {
    /// The file, where it is another than that of the error.
    pub(crate) file: Option<String>,
    /// Line and column, from 1, where they are known.
    pub(crate) place: Option<(u64, u64)>,
    /// What is wrong there.
    pub(crate) message: String,
    /// The value that it is about, as people write it: `scrape_configs[2].scheme`.
    pub(crate) path: Option<String>,
    /// The lines before it and a mark below it; may be empty.
    pub(crate) snippet: String,
    /// What to do about it, where that is known.
    pub(crate) hint: Option<String>,
}

impl Fault {
    /// A fault at a place of a text.
    pub(crate) fn new(text: &str, place: Option<(u64, u64)>, message: impl Into<String>) -> Self {
        let snippet = place.map(|place| snippet::render(text, place));
        Self {
            place,
            message: message.into(),
            snippet: snippet.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The same, in another file.
    pub(crate) fn in_file(self, file: &str) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..self
        }
    }

    /// The same, with what to do about it.
    pub(crate) fn with_hint(self, hint: &str) -> Self {
        Self {
            hint: Some(hint.to_owned()),
            ..self
        }
    }

    /// Where it is, as a fault of this file.
    pub(crate) fn at(&self, file: &str) -> String {
        let file = self.file.as_deref().unwrap_or(file);
        match self.place {
            Some((line, column)) => format!("{file}:{line}:{column}"),
            None => file.to_owned(),
        }
    }

    /// Prints it as a fault of this file.
    pub(crate) fn show(&self, file: &str) -> String {
        let mut shown = format!("{}: {}", self.at(file), self.message);
        if !self.snippet.is_empty() {
            shown.push_str(&format!("\n{}", self.snippet));
        }
        if let Some(path) = self.path.as_ref().filter(|path| !path.is_empty()) {
            shown.push_str(&format!("\n  in {path}"));
        }
        if let Some(hint) = &self.hint {
            shown.push_str(&format!("\n  hint: {hint}"));
        }
        shown
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&fault.show(&self.file))?;
        }
        Ok(())
    }
}

impl std::error::Error for YamlError {}

/// Reads a document. YAML 1.1's words for booleans are taken, merge keys are merged, and a null
/// where a text is meant is the empty text, as for Go's reader.
///
/// # Errors
/// All faults of the document.
pub(crate) fn read<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, YamlError> {
    read_with(text, file, UnknownFields::default())
}

/// As [`read`]; says what becomes of fields that nobody knows.
///
/// # Errors
/// All faults of the document.
pub(crate) fn read_with<T: DeserializeOwned>(
    text: &str,
    file: &str,
    unknown: UnknownFields,
) -> Result<T, YamlError> {
    let mut document = Document::parse(text, file)?.with_unknown(unknown);
    let read = document.read();
    let faults = document.into_faults();
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(YamlError {
            file: file.to_owned(),
            faults,
        }),
    }
}

#[cfg(test)]
mod tests;
