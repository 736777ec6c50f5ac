//! The store under the labels that it has for others, for who evaluates queries over it.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use narthex_model::Labels;
use narthex_storage::{
    Queryable, SelectRequest, Series, SeriesStream, StorageError, TimeRange, Wanted, Warnings,
};

use super::question::{Question, without_external};
use super::since;

/// A store whose series have the external labels, and none of those that are left out.
///
/// A series that has such a label of its own may become one with another one; who reads series sees
/// both and makes one of them, who evaluates them would count them twice. So reading fails there.
pub(super) struct Labelled {
    pub(super) store: Arc<dyn Queryable>,
    pub(super) external: Labels,
    pub(super) without: Vec<String>,
    /// External labels that all series have already: those of a store of blocks.
    pub(super) held: Vec<String>,
    /// Nothing before that is read.
    pub(super) since_ms: i64,
}

impl Queryable for Labelled {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let warnings = Warnings::default();
            self.select_wanted(request, Wanted::default(), &warnings)
                .await
        }
        .boxed()
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        let range = since::from(self.since_ms, range);
        self.store.resolution_ms(range, max_resolution_ms)
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let matchers = without_external(request.matchers.clone(), &self.external);
            let Some(matchers) = matchers else {
                return Ok(stream::empty().boxed());
            };
            if matchers.is_empty() {
                return Err(refused("no matchers specified (excluding external labels)"));
            }
            let range = since::from(self.since_ms, request.range);
            let question = Question::of(matchers, &self.external, &self.without, range);
            let asked = SelectRequest {
                matchers: question.matchers.clone(),
                range: question.range,
            };
            let found = self.store.select_wanted(&asked, wanted, warnings).await?;
            let held = self.held.clone();
            let labelled = found.map(move |series| labelled(series?, &question, &held));
            Ok(labelled.boxed())
        }
        .boxed()
    }
}

fn labelled(
    mut series: Series,
    question: &Question,
    held: &[String],
) -> Result<Series, StorageError> {
    let names = series.labels.iter().map(|(name, _)| name);
    let mut own = names.filter(|name| !held.iter().any(|held| held == name));
    if own.any(|name| question.leaves_out(name) || question.external.get(name).is_some()) {
        return Err(refused(
            "a series has a label of its own in place of an external one",
        ));
    }
    series.labels = question.labels_of(&series.labels);
    Ok(series)
}

fn refused(why: &str) -> StorageError {
    StorageError::Read {
        context: "the series are to be read".to_owned(),
        source: why.into(),
    }
}
