//! Makes alerts of what a query gives, and answers what their templates ask meanwhile.

use std::cell::OnceCell;
use std::sync::Arc;

use narthex_model::Labels;
use narthex_promql::VectorSample;
use narthex_template::prometheus::{Expander, NoQuerier, Querier, Sample};
use tokio::runtime::Handle;

use super::environment::{Environment, Unanswered};
use crate::alerting::Given;
use crate::rule::Rule;
use crate::template::{Templates, template_sample};

/// Alerts by their labels; two may have the same.
pub(crate) type Alerts = Vec<(Labels, Given)>;

/// The alerts of an answer to a rule's query. Templates that may ask queries wait for them on a
/// thread of their own. Where all is wanted (`is_whole`), there are no alerts without what a part of
/// the store did not answer them: with an error in its labels an alert would be another one.
pub(crate) async fn alerts(
    rule: &Rule,
    answer: Vec<VectorSample>,
    environment: &Arc<Environment>,
    now_ms: i64,
    is_whole: bool,
) -> Result<Alerts, Unanswered> {
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
            incomplete: OnceCell::new(),
        };
        let alerts = expand(&templates, answer, &environment, now_ms, &asking);
        match asking.incomplete.into_inner() {
            Some(why) => Err(why),
            None => Ok(alerts),
        }
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(expanded) => expanded,
        Err(error) => Err(Unanswered::of(format!("expanding templates: {error}"))),
    }
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
    /// What a part of the store did not answer first.
    incomplete: OnceCell<Unanswered>,
}

impl Querier for Asking<'_> {
    fn query(&self, expression: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        let asked = self.environment.ask_text(expression, at_ms, self.is_whole);
        match self.runtime.block_on(asked) {
            Ok(answer) => Ok(answer.iter().map(template_sample).collect()),
            Err(why) => {
                let text = why.text.clone();
                if why.is_incomplete {
                    // One is enough.
                    let _ = self.incomplete.set(why);
                }
                Err(text)
            }
        }
    }
}
