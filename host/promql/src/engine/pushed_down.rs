//! A part of a query that others evaluate as a whole: an aggregation, over the samples that are here.

use std::sync::Arc;

use narthex_model::CounterResetHint;
use narthex_storage::{Part, Partial, Queryable, Series, Warnings};
use tokio::runtime::Handle;

use super::{Engine, StopOnDrop};
use crate::annotations::Annotations;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::evaluate::partials;
use crate::fetch::{Fetched, fetch};
use crate::parser::{ParseOptions, parse};
use crate::place::Place;
use crate::plan::{
    MaxSourceResolution, Node, PartPlan, PlanOptions, Resolutions, part as plan_part,
};
use crate::query::Query;
use crate::room::{height, with_room};
use crate::statistics::{Counting, StatsWanted};

impl Engine {
    /// Evaluates an aggregation of a query, within the bounds of a query of its own. Whoever asks
    /// decides which parts of the language there are.
    ///
    /// # Errors
    /// There is no aggregation that can be evaluated apart from its query, or it cannot be executed
    /// within its bounds, or there is a warning, or a result that does not travel as it is. Then the
    /// series are to be read instead, so that what is said is said of all of them.
    pub async fn evaluate_part(
        &self,
        storage: Arc<dyn Queryable>,
        part: &Part,
    ) -> Result<Partial, QueryError> {
        let expr = parse(&part.query, &ParseOptions::all())?;
        let height = height(&expr);
        let options = PlanOptions {
            lookback_ms: part.lookback_ms,
            subquery_step_ms: part.subquery_step_ms,
        };
        let max_source_resolution = match part.max_resolution_ms {
            None => MaxSourceResolution::Auto,
            Some(max_ms) => MaxSourceResolution::AtMost(max_ms),
        };
        let resolutions = Resolutions {
            storage: Some(Arc::clone(&storage)),
            max: max_source_resolution,
        };
        let planned = with_room(height, || plan_part(&expr, part, options, resolutions));
        let PartPlan { plan, counts } = planned?;
        let budget = Arc::new(Budget::new(
            self.options.max_samples,
            self.options.max_bytes,
        ));
        let query = Arc::new(Query {
            plan,
            height,
            text: part.query.clone(),
            lookback_ms: part.lookback_ms,
            subquery_step_ms: part.subquery_step_ms,
            max_source_resolution,
            // Who asked has no others to ask through us.
            is_pushable: false,
            delayed_name_removal: false,
            type_and_unit_labels: false,
            // Samples that travel have no start timestamps either.
            use_start_timestamps: false,
            threads: self.threads,
            batch_samples: self.options.batch_samples,
            stats: StatsWanted::Timings,
            annotations: Annotations::default(),
            warnings: Warnings::default(),
            budget: Arc::clone(&budget),
        });
        // Before a column of so many values is made.
        budget.check_steps(part.steps.count)?;
        let stopped_with_us = StopOnDrop(budget);
        let limit = self.options.timeout.as_std();
        let evaluate =
            move |query: &Query, fetched: &Fetched| query.evaluate_part(fetched, counts.as_ref());
        let partial = match Handle::try_current() {
            Ok(runtime) => {
                let running = self.run_on(runtime, storage, query, limit, evaluate);
                running.await.map(|(partial, _)| partial)
            }
            Err(_) => {
                let fetched = fetch(&*storage, &query, &Place::Here).await?;
                evaluate(&query, &fetched)
            }
        };
        drop(stopped_with_us);
        partial
    }
}

impl Query {
    fn evaluate_part(
        &self,
        fetched: &Fetched,
        counts: Option<&Node>,
    ) -> Result<Partial, QueryError> {
        let grid = self.plan.grid;
        self.budget.check_steps(grid.count)?;
        let context = self.context(fetched, Counting::new(None));
        let series = |node| with_room(self.height, || partials::series_of(context, node, grid));
        let values = series(&self.plan.root)?;
        let counts = match counts {
            Some(counts) => series(counts)?,
            None => Vec::new(),
        };
        let (mut warnings, infos) = self.annotations.finish(&self.text);
        warnings.extend(self.warnings.texts());
        if let Some(warning) = warnings.into_iter().next() {
            return Err(QueryError::Execution(warning));
        }
        if !values
            .iter()
            .all(|series| travels(series, counts.is_empty()))
        {
            let text = "native histograms that are no gauges do not travel as results";
            return Err(QueryError::Execution(text.to_owned()));
        }
        Ok(Partial {
            values,
            counts,
            infos,
        })
    }
}

/// Whether a result is the same for who gets it as chunks: what histograms of counters say of resets
/// is not. And an average of histograms is put together with others by nobody.
fn travels(series: &Series, may_have_histograms: bool) -> bool {
    let histograms = series.histograms.as_deref().unwrap_or_default();
    let mut histograms = histograms.iter().flatten();
    histograms.all(|histogram| {
        may_have_histograms && histogram.counter_reset_hint == CounterResetHint::Gauge
    })
}
