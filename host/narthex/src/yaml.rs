//! Reads YAML as Prometheus' own reader does, and says of a fault where it stands.
//!
//! It is not: where a section's meaning is known. Each crate owns its part; [`crate::config`]
//! puts them together.

mod go;
mod places;
mod snippet;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, UserMessageFormatter};

pub(crate) use self::go::Absent;
pub(crate) use self::places::Places;

/// A file may have this many bytes; a larger one is refused. It bounds what the reader builds
/// from a file without aliases; those have the reader's own bounds.
pub(crate) const FILE_BYTES_MAX: usize = 64 << 20;

/// Brackets and blocks may be nested this deep.
const DEPTH_MAX: usize = 64;

/// Faults of one file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// The file, as the user named it.
    pub(crate) file: String,
    /// At least one.
    pub(crate) faults: Vec<Fault>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file, where it is another than that of the error.
    pub(crate) file: Option<String>,
    /// Line and column, from 1, where they are known.
    pub(crate) place: Option<(u64, u64)>,
    /// What is wrong there.
    pub(crate) message: String,
    /// The lines before it and a mark below it; may be empty.
    pub(crate) snippet: String,
}

impl Fault {
    /// A fault at a place of a text.
    pub(crate) fn new(text: &str, place: Option<(u64, u64)>, message: impl Into<String>) -> Self {
        let snippet = place.map(|place| snippet::render(text, place));
        Self {
            file: None,
            place,
            message: message.into(),
            snippet: snippet.unwrap_or_default(),
        }
    }

    /// The same, in another file.
    pub(crate) fn in_file(self, file: &str) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..self
        }
    }
}

/// Where a value stands, where that is known.
pub(crate) fn place(location: Location) -> Option<(u64, u64)> {
    (location.line() > 0).then(|| (location.line(), location.column()))
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(fault.file.as_ref().unwrap_or(&self.file))?;
            if let Some((line, column)) = fault.place {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", fault.message)?;
            if !fault.snippet.is_empty() {
                write!(f, "\n{}", fault.snippet)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for YamlError {}

/// Reads a document. YAML 1.1's words for booleans are taken, merge keys are merged, and a null
/// where a text is meant is the empty text, as for Go's reader.
///
/// # Errors
/// The first fault that the reader finds.
pub(crate) fn read<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, YamlError> {
    let error = |place, message: String| YamlError {
        file: file.to_owned(),
        faults: vec![Fault::new(text, place, message)],
    };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has over {FILE_BYTES_MAX} bytes");
        return Err(error(None, message));
    }
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        T::deserialize(go::GoDeserializer(deserializer))
    })
    .map_err(|fault| {
        let place = fault.location().and_then(place);
        let message = fault.render_with_formatter(&UserMessageFormatter);
        let suffix = place.map(|(line, column)| format!(" at line {line}, column {column}"));
        let message = suffix
            .and_then(|suffix| message.strip_suffix(&suffix).map(str::to_owned))
            .unwrap_or(message);
        error(place, message)
    })
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_documents: 1,
            max_events: FILE_BYTES_MAX,
            max_nodes: FILE_BYTES_MAX,
            max_total_scalar_bytes: FILE_BYTES_MAX,
        },
    }
}

#[cfg(test)]
mod tests;
