//! Templates that are parsed, alone or as a set that call one another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{ExecuteError, ParseError};
use crate::exec;
use crate::functions::Functions;
use crate::limits::Limits;
use crate::node::{Tree, is_empty};
use crate::parser;
use crate::quote::quoted;
use crate::value::Value;

/// One text that is parsed, and the templates that are defined in it.
#[derive(Debug, Clone)]
pub struct Template {
    name: String,
    templates: Templates,
}

impl Template {
    /// Parses a text. The name is what errors call it.
    ///
    /// # Errors
    ///
    /// Where the text is no template, or calls a function that there is not.
    pub fn parse(name: &str, text: &str, functions: &dyn Functions) -> Result<Self, ParseError> {
        let mut templates = Templates::default();
        templates.add(name, text, functions)?;
        Ok(Self {
            name: name.to_owned(),
            templates,
        })
    }

    /// Executes it as text.
    ///
    /// # Errors
    ///
    /// What went wrong, and where.
    pub fn execute(
        &self,
        data: &Value,
        functions: &dyn Functions,
        limits: &Limits,
    ) -> Result<String, ExecuteError> {
        self.templates.execute(&self.name, data, functions, limits)
    }

    /// Executes it as HTML: what it inserts is escaped for the place where it stands.
    ///
    /// # Errors
    ///
    /// What went wrong, and where.
    pub fn execute_html(
        &self,
        data: &Value,
        functions: &dyn Functions,
        limits: &Limits,
    ) -> Result<String, ExecuteError> {
        self.templates
            .execute_html(&self.name, data, functions, limits)
    }
}

/// Templates that may call one another by name. A copy is cheap.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    trees: BTreeMap<String, Arc<Tree>>,
}

impl Templates {
    /// Adds a text under a name, and what is defined in it. What was there under the same name is
    /// replaced, unless by nothing but space.
    ///
    /// # Errors
    ///
    /// Where the text is no template, or calls a function that there is not; the set stays as it
    /// was.
    pub fn add(
        &mut self,
        name: &str,
        text: &str,
        functions: &dyn Functions,
    ) -> Result<(), ParseError> {
        for (name, tree) in parser::parse(name, text, functions)? {
            if self.trees.contains_key(&name) && is_empty(&tree.root) {
                continue;
            }
            self.trees.insert(name, tree);
        }
        Ok(())
    }

    /// The names that there are templates for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(String::as_str)
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Tree> {
        self.trees.get(name).map(Arc::as_ref)
    }

    fn known(&self, name: &str) -> Result<&Tree, ExecuteError> {
        self.tree(name).ok_or_else(|| {
            let name = quoted(name);
            ExecuteError(format!(
                "template: no template {name} associated with template \"\""
            ))
        })
    }

    /// Executes a template of the set as text.
    ///
    /// # Errors
    ///
    /// What went wrong, and where.
    pub fn execute(
        &self,
        name: &str,
        data: &Value,
        functions: &dyn Functions,
        limits: &Limits,
    ) -> Result<String, ExecuteError> {
        exec::execute(self, self.known(name)?, data, functions, limits, false)
    }

    /// Executes a template of the set as HTML: what it inserts is escaped for the place where it
    /// stands.
    ///
    /// # Errors
    ///
    /// What went wrong, and where.
    pub fn execute_html(
        &self,
        name: &str,
        data: &Value,
        functions: &dyn Functions,
        limits: &Limits,
    ) -> Result<String, ExecuteError> {
        exec::execute(self, self.known(name)?, data, functions, limits, true)
    }
}
