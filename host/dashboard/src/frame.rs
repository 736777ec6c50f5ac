//! The frame of a dashboard, which has to be right before anything of it is shown: its name, that
//! each place of a layout names a panel, that names of variables are names, and how much there may
//! be of each.
//!
//! It is not: the settings of a panel or a query, which belong to the kinds that draw and ask. A
//! kind that nobody knows is shown as such, in its place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::DashboardError;

/// A name has so many characters at most, as in Perses.
pub const NAME_CHARS_MAX: usize = 75;

/// So many panels a dashboard has at most.
pub const PANELS_MAX: usize = 200;

/// So many queries a panel has at most.
pub const QUERIES_MAX: usize = 20;

/// So many variables a dashboard has at most.
pub const VARIABLES_MAX: usize = 50;

/// So many layouts, the rows of a dashboard, there are at most; and so many places in all of them.
pub const LAYOUTS_MAX: usize = 200;

/// A layout is so many columns wide.
const COLUMNS: u64 = 24;

/// A panel is at most so many rows high, and lies at most so many rows down.
const ROWS_MAX: u64 = 10_000;

/// What a place of a layout begins with that names a panel.
const PANEL: &str = "#/spec/panels/";

type Checked<T> = Result<T, DashboardError>;

/// How many panels there are, where the frame is right.
pub(crate) fn check(document: &Value) -> Checked<usize> {
    let top = object(document, "the file")?;
    kind(top, "the file", &["Dashboard"])?;
    let metadata = part(top, "metadata", "metadata")?;
    let name = metadata.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| DashboardError::invalid("metadata.name", "it is missing"))?;
    check_name(name)?;
    let spec = part(top, "spec", "spec")?;
    let none = Map::new();
    let panels = match spec.get("panels") {
        None | Some(Value::Null) => &none,
        Some(panels) => object(panels, "spec.panels")?,
    };
    bounded(panels.len(), PANELS_MAX, "spec.panels")?;
    for (name, panel) in panels {
        check_panel(panel, &format!("spec.panels.{name}"))?;
    }
    check_layouts(spec, panels)?;
    check_variables(spec)?;
    Ok(panels.len())
}

/// A name is a part of an address, so it is not the name of a folder's own or the one above it.
fn check_name(name: &str) -> Checked<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_right = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.chars().all(is_plain)
        && !matches!(name, "." | "..");
    if is_right {
        return Ok(());
    }
    let reason = format!("{name:?} is not 1 to {NAME_CHARS_MAX} letters, digits, '.', '_' and '-'");
    Err(DashboardError::invalid("metadata.name", reason))
}

fn check_panel(panel: &Value, at: &str) -> Checked<()> {
    let panel = object(panel, at)?;
    kind(panel, at, &["Panel"])?;
    let spec_at = format!("{at}.spec");
    let spec = part(panel, "spec", &spec_at)?;
    let plugin_at = format!("{spec_at}.plugin");
    let plugin = part(spec, "plugin", &plugin_at)?;
    if !plugin.get("kind").is_some_and(Value::is_string) {
        return Err(DashboardError::invalid(plugin_at, "its kind is missing"));
    }
    let queries_at = format!("{spec_at}.queries");
    let queries = list(spec, "queries", &queries_at)?;
    bounded(queries.len(), QUERIES_MAX, &queries_at)?;
    for (place, query) in queries.iter().enumerate() {
        object(query, &format!("{queries_at}[{place}]"))?;
    }
    Ok(())
}

fn check_layouts(spec: &Map<String, Value>, panels: &Map<String, Value>) -> Checked<()> {
    let layouts = list(spec, "layouts", "spec.layouts")?;
    bounded(layouts.len(), LAYOUTS_MAX, "spec.layouts")?;
    let mut places = 0;
    for (number, layout) in layouts.iter().enumerate() {
        let at = format!("spec.layouts[{number}]");
        let layout = object(layout, &at)?;
        kind(layout, &at, &["Grid"])?;
        let spec = part(layout, "spec", &format!("{at}.spec"))?;
        let items_at = format!("{at}.spec.items");
        let items = list(spec, "items", &items_at)?;
        places += items.len();
        bounded(places, LAYOUTS_MAX, &items_at)?;
        for (place, item) in items.iter().enumerate() {
            check_item(item, &format!("{items_at}[{place}]"), panels)?;
        }
    }
    Ok(())
}

fn check_item(item: &Value, at: &str, panels: &Map<String, Value>) -> Checked<()> {
    let object = object(item, at)?;
    for (field, least, most) in [
        ("x", 0, COLUMNS - 1),
        ("y", 0, ROWS_MAX),
        ("width", 1, COLUMNS),
        ("height", 1, ROWS_MAX),
    ] {
        let number = object.get(field).and_then(Value::as_u64);
        if !number.is_some_and(|number| (least..=most).contains(&number)) {
            let reason = format!("it is not a whole number from {least} to {most}");
            return Err(DashboardError::invalid(format!("{at}.{field}"), reason));
        }
    }
    let reference = item.pointer("/content/$ref").and_then(Value::as_str);
    let panel = reference.and_then(|reference| reference.strip_prefix(PANEL));
    if !panel.is_some_and(|panel| panels.contains_key(panel)) {
        let said = reference.unwrap_or_default();
        let reason = format!("{said:?} is not {PANEL:?} and the name of a panel");
        return Err(DashboardError::invalid(
            format!("{at}.content.$ref"),
            reason,
        ));
    }
    Ok(())
}

fn check_variables(spec: &Map<String, Value>) -> Checked<()> {
    let variables = list(spec, "variables", "spec.variables")?;
    bounded(variables.len(), VARIABLES_MAX, "spec.variables")?;
    let mut names = BTreeSet::new();
    for (place, variable) in variables.iter().enumerate() {
        let at = format!("spec.variables[{place}]");
        let variable = object(variable, &at)?;
        kind(variable, &at, &["ListVariable", "TextVariable"])?;
        let spec = part(variable, "spec", &format!("{at}.spec"))?;
        let name = spec.get("name").and_then(Value::as_str).unwrap_or_default();
        let name_at = format!("{at}.spec.name");
        let is_name = !name.is_empty()
            && name.len() <= NAME_CHARS_MAX
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        // What begins so is the dashboard's own, such as its range.
        if !is_name || name.starts_with("__") {
            let reason = format!(
                "{name:?} is not 1 to {NAME_CHARS_MAX} letters, digits and '_', of which the \
                 first two are not '_'"
            );
            return Err(DashboardError::invalid(name_at, reason));
        }
        if !names.insert(name) {
            let reason = format!("there is another variable {name:?}");
            return Err(DashboardError::invalid(name_at, reason));
        }
    }
    Ok(())
}

fn object<'a>(value: &'a Value, at: &str) -> Checked<&'a Map<String, Value>> {
    let found = value.as_object();
    found.ok_or_else(|| DashboardError::invalid(at, "it is not an object"))
}

/// A field that has to be there, and an object.
fn part<'a>(of: &'a Map<String, Value>, field: &str, at: &str) -> Checked<&'a Map<String, Value>> {
    let found = of.get(field);
    let found = found.ok_or_else(|| DashboardError::invalid(at, "it is missing"))?;
    object(found, at)
}

/// A field that is a list, or not there.
fn list<'a>(of: &'a Map<String, Value>, field: &str, at: &str) -> Checked<&'a [Value]> {
    match of.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(found)) => Ok(found),
        Some(_) => Err(DashboardError::invalid(at, "it is not a list")),
    }
}

fn kind(of: &Map<String, Value>, at: &str, expected: &[&str]) -> Checked<()> {
    let found = of.get("kind").and_then(Value::as_str).unwrap_or_default();
    if expected.contains(&found) {
        return Ok(());
    }
    let reason = format!("its kind is {found:?}, not {}", expected.join(" or "));
    Err(DashboardError::invalid(at, reason))
}

fn bounded(found: usize, most: usize, at: &str) -> Checked<()> {
    if found <= most {
        return Ok(());
    }
    let reason = format!("there are {found}, and at most {most} are taken");
    Err(DashboardError::invalid(at, reason))
}

#[cfg(test)]
mod tests;
