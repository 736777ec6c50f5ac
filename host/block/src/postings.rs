//! From matchers to the rows of the series that satisfy all of them.

use futures::future::try_join_all;
use narthex_model::{MatchOp, Matcher};
use roaring::RoaringBitmap;

use crate::Fault;
use crate::index::Index;

/// The series that satisfy every matcher; `None` where that is all of them.
pub(crate) async fn select(
    index: &Index,
    matchers: &[Matcher],
) -> Result<Option<RoaringBitmap>, Fault> {
    let mut selected: Option<RoaringBitmap> = None;
    // What narrows comes first; a set to take away needs something to be taken from.
    let (narrowing, widening): (Vec<_>, Vec<_>) =
        matchers.iter().partition(|matcher| !matcher.matches(""));
    // Values that are written out cost a page each: all of them are one step. Those that must be
    // searched for come after it, and perhaps not at all.
    let (exact, searched): (Vec<_>, Vec<_>) = narrowing
        .into_iter()
        .partition(|matcher| matcher.literals().is_some());
    let read = try_join_all(exact.iter().map(|matcher| accepted(index, matcher))).await?;
    let mut read = read.into_iter();
    for matcher in exact.into_iter().chain(searched) {
        let rows = match read.next() {
            Some(rows) => rows,
            None => accepted(index, matcher).await?,
        };
        let rows = match matcher.is_negative() {
            false => rows,
            true => index.with_label(matcher.name()).await? - rows,
        };
        let rows = match selected {
            Some(selected) => selected & rows,
            None => rows,
        };
        if rows.is_empty() {
            return Ok(Some(rows));
        }
        selected = Some(rows);
    }
    for matcher in widening {
        if matcher.op() == MatchOp::Regex && matcher.value() == ".*" {
            continue;
        }
        let rows = accepted(index, matcher).await?;
        let refused = match matcher.is_negative() {
            false => index.with_label(matcher.name()).await? - rows,
            true => rows,
        };
        if refused.is_empty() {
            continue;
        }
        let all = || {
            let mut all = RoaringBitmap::new();
            all.insert_range(0..index.series());
            all
        };
        selected = Some(selected.unwrap_or_else(all) - refused);
    }
    Ok(selected)
}

/// The series that have the label, with a value that the matcher's positive form accepts.
async fn accepted(index: &Index, matcher: &Matcher) -> Result<RoaringBitmap, Fault> {
    let name = matcher.name();
    if let Some(values) = matcher.literals() {
        return index.with_values(name, values).await;
    }
    if matches!(matcher.value(), ".+" | ".*") {
        return index.with_label(name).await;
    }
    let accepts = |value: &str| matcher.matches(value) != matcher.is_negative();
    index.with_accepted(name, matcher.prefix(), accepts).await
}
