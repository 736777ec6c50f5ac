//! `label_replace` and `label_join`: they change labels and never a value.

use narthex_model::regexp::translated;
use narthex_model::{LabelsBuilder, METRIC_NAME};
use regex::{Regex, RegexBuilder};

use super::Context;
use super::column::{OutputSeries, Vector};
use super::grid::Grid;
use super::merge::{Duplicates, merged};
use crate::ast::{has_invalid_bytes, shown};
use crate::error::QueryError;

/// A compiled expression may take this much memory; a larger one is refused.
const REGEX_BYTES_MAX: usize = 10 << 20;

/// `label_replace(v, destination, replacement, source, expression)`
pub(crate) fn replace<'a>(
    context: Context<'a>,
    mut vector: Vector<'a>,
    grid: Grid,
    [destination, replacement, source, expression]: [&str; 4],
) -> Result<Vector<'a>, QueryError> {
    let regex = compile(expression).ok_or_else(|| {
        error(&format!(
            "invalid regular expression in label_replace(): {expression}"
        ))
    })?;
    if !is_label_name(destination) {
        return Err(error(&format!(
            "invalid destination label name in label_replace(): {destination}"
        )));
    }
    let replacement = shown(replacement);
    let references = replacement.matches('$').count();
    for series in &mut vector.series {
        let value = series.labels.get(source).unwrap_or("").to_owned();
        if let Some(captures) = regex.captures(&value) {
            // Each reference is a part of the value at most, and there may be very many.
            let most = references.saturating_mul(value.len());
            let most = most.saturating_add(replacement.len());
            context.workers.budget.check_bytes(most)?;
            let mut replaced = String::new();
            captures.expand(&replacement, &mut replaced);
            set(series, destination, &replaced);
            context.workers.budget.charge_labels(&series.labels)?;
        }
    }
    merged(context, vector, grid.count, Duplicates::AtAStep)
}

/// `label_join(v, destination, separator, sources...)`
pub(crate) fn join<'a>(
    context: Context<'a>,
    mut vector: Vector<'a>,
    grid: Grid,
    destination: &str,
    separator: &str,
    sources: &[&str],
) -> Result<Vector<'a>, QueryError> {
    if let Some(source) = sources.iter().find(|source| !is_label_name(source)) {
        return Err(error(&format!(
            "invalid source label name in label_join(): {source}"
        )));
    }
    if !is_label_name(destination) {
        return Err(error(&format!(
            "invalid destination label name in label_join(): {destination}"
        )));
    }
    let separator = shown(separator);
    for series in &mut vector.series {
        let values = sources
            .iter()
            .map(|name| series.labels.get(name).unwrap_or(""));
        // One label may be named very many times.
        let lengths = values.clone().map(|value| value.len() + separator.len());
        let most = lengths.fold(0_usize, usize::saturating_add);
        context.workers.budget.check_bytes(most)?;
        let joined = values.collect::<Vec<_>>().join(&*separator);
        set(series, destination, &joined);
        context.workers.budget.charge_labels(&series.labels)?;
    }
    merged(context, vector, grid.count, Duplicates::AtAStep)
}

/// Whether a label may have this name: any text but the empty one.
pub(crate) fn is_label_name(name: &str) -> bool {
    !name.is_empty() && !has_invalid_bytes(name)
}

fn set(series: &mut OutputSeries, name: &str, value: &str) {
    series.labels = LabelsBuilder::from_labels(&series.labels)
        .set(name, value)
        .build();
    // A name that was given on purpose stays.
    if name == METRIC_NAME {
        series.drop_name = false;
    }
}

fn compile(expression: &str) -> Option<Regex> {
    let build = |expression: &str| {
        RegexBuilder::new(expression)
            .dot_matches_new_line(true)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .ok()
    };
    let translated = translated(expression).ok()?;
    // Compiled alone first: wrapped in a group, `a)(b` would pass.
    build(&translated)?;
    build(&format!("^(?:{translated})$"))
}

fn error(text: &str) -> QueryError {
    QueryError::Execution(shown(text).into_owned())
}
