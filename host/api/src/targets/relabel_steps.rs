//! `/api/v1/targets/relabel_steps`: what each rule of a job makes of a target's labels.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::Response;
use narthex_model::relabel::RelabelConfig;
use narthex_model::{Labels, LabelsBuilder};
use serde::Serialize;
use serde_json::Value;

use crate::envelope;
use crate::error::ApiError;
use crate::json::LabelMap;
use crate::params::Params;
use crate::state::Serving;

#[derive(Serialize)]
struct RelabelSteps {
    steps: Vec<RelabelStep>,
}

#[derive(Serialize)]
struct RelabelStep {
    rule: Value,
    /// Without a label where the rule drops the target.
    output: LabelMap,
    keep: bool,
}

/// `/api/v1/targets/relabel_steps`. The rule that drops the target is the last one.
pub(crate) async fn relabel_steps(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let pool = params.required("scrapePool")?;
    let labels = params.required_labels()?;
    let config = super::job_config(&serving, pool)?;
    let mut builder = LabelsBuilder::from_labels(&labels);
    let mut steps = Vec::with_capacity(config.relabel_configs.len());
    for rule in &config.relabel_configs {
        let keep = rule.apply(&mut builder);
        let output = match keep {
            true => builder.build(),
            false => Labels::empty(),
        };
        steps.push(RelabelStep {
            rule: shown(rule),
            output: LabelMap(output),
            keep,
        });
        if !keep {
            break;
        }
    }
    Ok(envelope::success(&RelabelSteps { steps }))
}

/// A rule as this endpoint spells it: not as the configuration does.
fn shown(rule: &RelabelConfig) -> Value {
    // A rule is texts and numbers, which can always be written.
    let mut fields = serde_json::to_value(rule).unwrap_or_default();
    if let Value::Object(fields) = &mut fields {
        for (written, shown) in [
            ("source_labels", "sourceLabels"),
            ("target_label", "targetLabel"),
        ] {
            if let Some(value) = fields.remove(written) {
                fields.insert(shown.to_owned(), value);
            }
        }
    }
    fields
}
