//! The rules of the config: its files read, and handed to those who evaluate them.
//!
//! It is not: what a rule is or does, which is `narthex-rules`'.

use std::sync::Arc;

use narthex_api::{ApiState, ExternalUrl};
use narthex_model::Clock;
use narthex_notifier::NotifierManager;
use narthex_promql::ParseOptions;
use narthex_rules::{RuleFile, RuleManager, RuleOptions, RuleSettings};
use narthex_storage::{Appendable, Queryable};
use prometheus_client::registry::Registry;

use crate::config::{self, Config};
use crate::flags::CommandLine;
use crate::rule_file;
use crate::yaml::UnknownFields;

/// What evaluates rules: none yet.
pub(crate) fn manager(
    line: &CommandLine,
    state: &ApiState,
    queryable: Arc<dyn Queryable>,
    appendable: Arc<dyn Appendable>,
    notifier: &Arc<NotifierManager>,
    (clock, external_url): (Arc<dyn Clock>, &ExternalUrl),
    registry: &mut Registry,
) -> RuleManager {
    let (flags, state) = (&line.flags, state.clone());
    let ExternalUrl { scheme, host, path } = external_url;
    let options = RuleOptions {
        queryable,
        appendable,
        engine: Arc::new(move || state.engine()),
        notifier: notifier.clone(),
        clock,
        external_url: format!("{scheme}://{host}{path}"),
        outage_tolerance: flags.outage_tolerance,
        grace_period: flags.grace_period,
        resend_delay: flags.resend_delay,
        concurrent_evaluations_max: match line.features.concurrent_rules {
            true => flags.concurrent_evaluations_max,
            false => 0,
        },
        partial_response: (flags.querier.is_on).then_some(flags.querier.rules_partial_response),
    };
    RuleManager::new(options, registry)
}

/// The files that the config's patterns find, read and checked.
///
/// # Errors
/// All that is wrong with them.
pub(crate) fn files(config: &Config, options: &ParseOptions) -> Result<Vec<RuleFile>, String> {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for pattern in &config.rule_patterns {
        let found = config::matching(pattern).unwrap_or_else(|error| {
            let pattern = pattern.display();
            errors.push(format!(
                "error retrieving rule files for {pattern}: {error}"
            ));
            Vec::new()
        });
        for path in found {
            match rule_file::load(&path, options, UnknownFields::Refused) {
                Ok(checked) => files.push(RuleFile {
                    path: path.display().to_string(),
                    groups: checked.groups,
                }),
                Err(error) => errors.push(error),
            }
        }
    }
    match errors.is_empty() {
        true => Ok(files),
        false => Err(format!(
            "error loading rules, previous rule set restored:\n{}",
            errors.join("\n")
        )),
    }
}

/// What the config says of all groups.
pub(crate) fn settings(config: &Config) -> RuleSettings {
    RuleSettings {
        interval: config.evaluation_interval(),
        query_offset: config.rule_query_offset(),
        external_labels: config.external_labels.clone(),
    }
}
