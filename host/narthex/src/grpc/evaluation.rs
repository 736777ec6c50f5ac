//! Evaluates aggregations of queries for queriers, within the bounds that queries have here.
//!
//! It is not: who may ask, or under which labels, which the StoreAPI knows.

use futures::FutureExt as _;
use narthex_api::ApiState;
use narthex_model::with_sources;
use narthex_storage::EvaluatePart;

/// By the engine in force.
pub(super) fn evaluate(state: ApiState) -> Box<EvaluatePart> {
    Box::new(move |store, part| {
        let engine = state.engine();
        async move {
            let evaluated = engine.evaluate_part(store, &part).await;
            evaluated.map_err(|error| with_sources(&error))
        }
        .boxed()
    })
}
