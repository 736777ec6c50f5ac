//! Reading what a plan lists: all selectors at once, each with its own time range.

use futures::TryStreamExt;
use futures::future::try_join_all;
use narthex_storage::{Queryable, SelectRequest, Series};

use crate::budget::Budget;
use crate::error::QueryError;

/// Fetched samples are charged to the budget whenever so many more have arrived.
const CHARGE_EVERY_SAMPLES: usize = 4096;

/// The series of each request, sorted by labels, so that an answer's order does not depend on
/// the store.
pub(crate) async fn fetch(
    storage: &dyn Queryable,
    requests: &[SelectRequest],
    budget: &Budget,
) -> Result<Vec<Vec<Series>>, QueryError> {
    try_join_all(
        requests
            .iter()
            .map(|request| fetch_one(storage, request, budget)),
    )
    .await
}

async fn fetch_one(
    storage: &dyn Queryable,
    request: &SelectRequest,
    budget: &Budget,
) -> Result<Vec<Series>, QueryError> {
    if request.range.start_ms > request.range.end_ms {
        return Ok(Vec::new());
    }
    let mut stream = storage.select(request).await?;
    let mut found = Vec::new();
    let mut uncharged = 0;
    while let Some(series) = stream.try_next().await? {
        uncharged += series.timestamps.len();
        if uncharged >= CHARGE_EVERY_SAMPLES {
            budget.charge(uncharged)?;
            uncharged = 0;
        }
        found.push(series);
    }
    budget.charge(uncharged)?;
    found.sort_unstable_by(|a: &Series, b| a.labels.cmp(&b.labels));
    Ok(found)
}
