//! One dashboard, read and found to be whole.

use std::sync::Arc;

use serde_json::Value;

use crate::error::DashboardError;
use crate::frame;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl Format {
    /// By the end of a file's name: `.json`, `.yaml`, `.yml`; nothing else is a dashboard.
    pub fn of(file: &str) -> Option<Self> {
        let (stem, ending) = file.rsplit_once('.')?;
        match ending {
            _ if stem.is_empty() => None,
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// A dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// `metadata.name`: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// `metadata.project`, or "".
    pub project: String,
    /// `spec.display.name`, or the name.
    pub title: String,
    /// `spec.display.description`, or "".
    pub description: String,
    /// How many panels it has.
    pub panels: usize,
    /// All of it, as it was written.
    pub document: Arc<Value>,
}

impl Dashboard {
    /// Reads a text.
    ///
    /// # Errors
    /// It is not of that format, or no dashboard, or one that is over a bound.
    pub fn read(text: &str, format: Format) -> Result<Self, DashboardError> {
        let document: Value = match format {
            Format::Json => serde_json::from_str(text)
                .map_err(|error| DashboardError::Syntax(error.to_string()))?,
            Format::Yaml => serde_yaml::from_str(text)
                .map_err(|error| DashboardError::Syntax(error.to_string()))?,
        };
        let panels = frame::check(&document)?;
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let name = text("/metadata/name");
        let title = text("/spec/display/name");
        Ok(Self {
            project: text("/metadata/project"),
            title: if title.is_empty() {
                name.clone()
            } else {
                title
            },
            description: text("/spec/display/description"),
            name,
            panels,
            document: Arc::new(document),
        })
    }
}
