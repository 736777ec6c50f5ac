//! Makes alerts of what a query gives, and answers what their templates ask meanwhile.

use std::sync::Arc;

use narthex_model::Labels;
use narthex_promql::VectorSample;
use narthex_template::prometheus::{Expander, NoQuerier, Querier, Sample};
use tokio::runtime::Handle;

use super::environment::Environment;
use crate::alerting::Given;
use crate::rule::Rule;
use crate::template::{Templates, template_sample};

/// Alerts by their labels; two may have the same.
pub(crate) type Alerts = Vec<(Labels, Given)>;

/// The alerts of an answer to a rule's query. Templates that may ask queries wait for them on a
/// thread of their own; what a part of the store did not answer is an error to them where all is
/// wanted (`is_whole`).
pub(crate) async fn alerts(
    rule: &Rule,
    answer: Vec<VectorSample>,
    environment: &Arc<Environment>,
    now_ms: i64,
    is_whole: bool,
) -> Result<Alerts, String> {
    let Some(templates) = rule.templates().filter(|_| !answer.is_empty()) else {
        return Ok(Vec::new());
    };
    let runtime = Handle::try_current().ok().filter(|_| templates.may_query());
    let Some(runtime) = runtime else {
        return Ok(expand(templates, answer, environment, now_ms, &NoQuerier));
    };
    let (templates, environment) = (templates.clone(), Arc::clone(environment));
    let work = move || {
        let asking = Asking {
            environment: &environment,
            runtime,
            is_whole,
        };
        expand(&templates, answer, &environment, now_ms, &asking)
    };
    let expanded = tokio::task::spawn_blocking(work).await;
    expanded.map_err(|error| format!("expanding templates: {error}"))
}

fn expand(
    templates: &Templates,
    answer: Vec<VectorSample>,
    environment: &Environment,
    now_ms: i64,
    querier: &dyn Querier,
) -> Alerts {
    let (settings, url) = (environment.settings(), &environment.options().external_url);
    let expander = Expander::new(querier, now_ms, url);
    let alerts = answer.into_iter().map(|sample| {
        let external_labels = &settings.external_labels;
        let (labels, annotations) = templates.expand(&sample, external_labels, &expander, url);
        let given = Given {
            annotations,
            value: sample.value,
        };
        (labels, given)
    });
    alerts.collect()
}

/// Asks the engine, and waits.
struct Asking<'e> {
    environment: &'e Environment,
    runtime: Handle,
    is_whole: bool,
}

impl Querier for Asking<'_> {
    fn query(&self, expression: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        let asked = self.environment.ask_text(expression, at_ms, self.is_whole);
        let answer = self.runtime.block_on(asked)?;
        Ok(answer.iter().map(template_sample).collect())
    }
}
