//! Templates of notifications: Alertmanager's data, its functions and its default templates.
//!
//! It is not: who routes alerts and sends notifications, or who reads the template files.

mod data;
mod functions;

pub use self::data::{Alert, Data, Status};
pub use self::functions::Functions;
use crate::error::{ExecuteError, ParseError};
use crate::limits::Limits;

/// The default templates; their names are what receivers' default settings call. The text is ours,
/// what comes out is what Alertmanager's give.
const DEFAULTS: [(&str, &str); 2] = [
    ("default.tmpl", include_str!("alertmanager/default.tmpl")),
    ("email.tmpl", include_str!("alertmanager/email.tmpl")),
];

/// The templates that notifications may call: the default ones and those of the user's files.
#[derive(Debug, Clone)]
pub struct Templates {
    templates: crate::Templates,
}

/// Why a text of a notification was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// It is no template.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It failed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl Templates {
    /// The default templates alone.
    ///
    /// # Errors
    ///
    /// None that a test would not have found.
    pub fn new() -> Result<Self, ParseError> {
        let mut templates = Self {
            templates: crate::Templates::default(),
        };
        for (name, text) in DEFAULTS {
            templates.add(name, text)?;
        }
        Ok(templates)
    }

    /// Adds a file under its name without folders. Its definitions replace those of the same name.
    ///
    /// # Errors
    ///
    /// Go's words, where the file is no template; the set stays as it was.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), ParseError> {
        self.templates.add(name, text, &functions::Names)
    }

    /// The names that there are templates for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates.names()
    }

    /// The set with a text of a setting, under no name, as in Alertmanager.
    fn with(&self, text: &str) -> Result<crate::Templates, ParseError> {
        let mut templates = self.templates.clone();
        templates.add("", text, &functions::Names)?;
        Ok(templates)
    }

    /// Looks whether a text of a setting is a template.
    ///
    /// # Errors
    ///
    /// Go's words, where it is not.
    pub fn check(&self, text: &str) -> Result<(), ParseError> {
        self.with(text).map(|_| ())
    }

    /// Expands a text of a setting.
    ///
    /// # Errors
    ///
    /// Go's words, where it is no template or fails.
    pub fn expand_text(
        &self,
        text: &str,
        data: &Data,
        functions: &Functions,
        limits: &Limits,
    ) -> Result<String, NotificationError> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let templates = self.with(text)?;
        Ok(templates.execute("", &data.value(), functions, limits)?)
    }

    /// Expands a text of a setting as HTML: what it inserts is escaped.
    ///
    /// # Errors
    ///
    /// Go's words, where it is no template or fails.
    pub fn expand_html(
        &self,
        text: &str,
        data: &Data,
        functions: &Functions,
        limits: &Limits,
    ) -> Result<String, NotificationError> {
        if text.is_empty() {
            return Ok(String::new());
        }
        let templates = self.with(text)?;
        Ok(templates.execute_html("", &data.value(), functions, limits)?)
    }
}

#[cfg(test)]
mod tests;
