//! `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`.

use std::collections::{BTreeMap, HashSet};

use axum::extract::State;
use axum::response::Response;
use narthex_model::{FloatText, Labels, Matcher};
use narthex_rules::{Alert, Group, GroupKey, PartialResponse, Rule, RuleKind};
use serde::{Serialize, Serializer};
use xxhash_rust::xxh64::xxh64;

use crate::envelope;
use crate::error::ApiError;
use crate::json::LabelMap;
use crate::params::Params;
use crate::state::ApiState;
use crate::time::format_rfc3339;

/// How Go prints the time of what did not happen yet.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    groups: Vec<RuleGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleGroup {
    name: String,
    file: String,
    rules: Vec<AnyRule>,
    #[serde(serialize_with = "number")]
    interval: f64,
    limit: usize,
    #[serde(serialize_with = "number")]
    evaluation_time: f64,
    last_evaluation: String,
    /// As Thanos' ruler shows it; Prometheus has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_response_strategy: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyRule {
    Alerting(AlertingRule),
    Recording(RecordingRule),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingRule {
    state: &'static str,
    name: String,
    query: String,
    #[serde(serialize_with = "number")]
    duration: f64,
    #[serde(serialize_with = "number")]
    keep_firing_for: f64,
    labels: LabelMap,
    annotations: BTreeMap<String, String>,
    alerts: Vec<ApiAlert>,
    #[serde(flatten)]
    evaluation: Evaluation,
}

#[derive(Serialize)]
struct RecordingRule {
    name: String,
    query: String,
    labels: LabelMap,
    #[serde(flatten)]
    evaluation: Evaluation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evaluation {
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(serialize_with = "number")]
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiAlert {
    labels: LabelMap,
    annotations: BTreeMap<String, String>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
    /// That of its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_response_strategy: Option<&'static str>,
}

#[derive(Serialize)]
struct Alerts {
    alerts: Vec<ApiAlert>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: Vec<Alertmanager>,
    dropped_alertmanagers: Vec<Alertmanager>,
}

#[derive(Serialize)]
struct Alertmanager {
    url: String,
}

/// Go prints whole numbers without a fraction.
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "only where the number is the same after it"
    )]
    let whole = *value as i64;
    if whole as f64 == *value {
        serializer.serialize_i64(whole)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// What `/api/v1/rules` is asked for.
struct Wanted<'p> {
    alerting: bool,
    recording: bool,
    with_alerts: bool,
    names: HashSet<&'p str>,
    groups: HashSet<&'p str>,
    files: HashSet<&'p str>,
    matcher_sets: Vec<Vec<Matcher>>,
}

impl<'p> Wanted<'p> {
    fn read(params: &'p Params) -> Result<Self, ApiError> {
        let kind = params.get("type").to_lowercase();
        if !["", "alert", "record"].contains(&kind.as_str()) {
            let reason = format!("not supported value {kind:?}");
            return Err(ApiError::invalid_parameter("type", reason));
        }
        let exclude = params.get("exclude_alerts");
        let excludes = match exclude {
            "" | "0" | "f" | "F" | "false" | "False" | "FALSE" => false,
            "1" | "t" | "T" | "true" | "True" | "TRUE" => true,
            other => {
                let reason = format!(
                    "error converting exclude_alerts: strconv.ParseBool: parsing {other:?}: \
                     invalid syntax"
                );
                return Err(ApiError::invalid_parameter("exclude_alerts", reason));
            }
        };
        let matcher_sets = params.matcher_sets();
        Ok(Self {
            alerting: kind != "record",
            recording: kind != "alert",
            with_alerts: !excludes,
            names: params.all("rule_name[]").collect(),
            groups: params.all("rule_group[]").collect(),
            files: params.all("file[]").collect(),
            matcher_sets: matcher_sets
                .map_err(|reason| ApiError::invalid_parameter("match[]", reason))?,
        })
    }

    fn has_group(&self, key: &GroupKey) -> bool {
        let is_wanted = |set: &HashSet<&str>, name: &str| set.is_empty() || set.contains(name);
        is_wanted(&self.groups, &key.name) && is_wanted(&self.files, &key.file)
    }

    fn has_rule(&self, rule: &Rule) -> bool {
        let is_kind = match rule.kind() {
            RuleKind::Recording => self.recording,
            RuleKind::Alerting { .. } => self.alerting,
        };
        is_kind
            && (self.names.is_empty() || self.names.contains(rule.name()))
            && self.has_labels(rule.labels())
    }

    /// Labels that are templates match nothing: what they will be is not known.
    fn has_labels(&self, labels: &Labels) -> bool {
        let value = |name: &str| {
            let value = labels.get(name).filter(|value| !value.contains("{{"));
            value.unwrap_or_default()
        };
        let matches = |set: &Vec<Matcher>| set.iter().all(|m| m.matches(value(m.name())));
        self.matcher_sets.is_empty() || self.matcher_sets.iter().any(matches)
    }
}

/// Which page of the groups is asked for.
struct Page<'p> {
    limit: Option<usize>,
    token: &'p str,
}

impl<'p> Page<'p> {
    fn read(params: &'p Params) -> Result<Self, ApiError> {
        let (limit, token) = (params.get("group_limit"), params.get("group_next_token"));
        let invalid = |reason: &str| ApiError::invalid_parameter("group_limit", reason);
        if limit.is_empty() {
            return match token.is_empty() {
                true => Ok(Self { limit: None, token }),
                false => Err(invalid(
                    "group_limit needs to be present in order to paginate over the groups",
                )),
            };
        }
        let limit: i64 = limit.parse().map_err(|_| {
            let reason = "group_limit needs to be a valid number: strconv.ParseInt: parsing ";
            invalid(&format!("{reason}{limit:?}: invalid syntax"))
        })?;
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let limit = limit.ok_or_else(|| invalid("group_limit needs to be greater than 0"))?;
        Ok(Self {
            limit: Some(limit),
            token,
        })
    }
}

/// What a page that begins with a group is asked for with.
fn token(key: &GroupKey) -> String {
    let text = format!("{};{}", key.file, key.name);
    format!("{:016x}", xxh64(text.as_bytes(), 0))
}

/// `/api/v1/rules`
pub(crate) async fn rules(
    State(state): State<ApiState>,
    params: Params,
) -> Result<Response, ApiError> {
    let (wanted, page) = (Wanted::read(&params)?, Page::read(&params)?);
    let all = groups(&state);
    let first = match page.token {
        "" => Some(0),
        asked => all.iter().position(|group| token(group.key()) == asked),
    };
    let first = first.ok_or_else(|| {
        let token = page.token;
        let reason = format!("invalid group_next_token '{token}'. were rule groups changed?");
        ApiError::invalid_parameter("group_next_token", reason)
    })?;
    let (mut found, mut group_next_token) = (Vec::new(), None);
    for group in all
        .iter()
        .skip(first)
        .filter(|group| wanted.has_group(group.key()))
    {
        let rules = group.rules().iter().filter(|rule| wanted.has_rule(rule));
        let rules: Vec<AnyRule> = rules
            .map(|rule| any_rule(rule, group, wanted.with_alerts))
            .collect();
        if rules.is_empty() {
            continue;
        }
        if page.limit.is_some_and(|limit| found.len() == limit) {
            group_next_token = Some(token(group.key()));
            break;
        }
        found.push(rule_group(group, rules));
    }
    Ok(envelope::success(&Rules {
        groups: found,
        group_next_token,
    }))
}

fn groups(state: &ApiState) -> Vec<std::sync::Arc<Group>> {
    let serving = state.serving();
    serving.map_or_else(Vec::new, |serving| serving.rules.groups().to_vec())
}

#[allow(clippy::cast_precision_loss, reason = "durations are below 2^53 ms")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn time_or_zero(time_ms: Option<i64>) -> String {
    time_ms.map_or_else(|| ZERO_TIME.to_owned(), format_rfc3339)
}

fn rule_group(group: &Group, rules: Vec<AnyRule>) -> RuleGroup {
    let status = group.status();
    RuleGroup {
        name: group.key().name.clone(),
        file: group.key().file.clone(),
        rules,
        interval: seconds(group.interval_ms()),
        limit: group.limit(),
        evaluation_time: status.evaluation_seconds,
        last_evaluation: time_or_zero(status.last_evaluation_ms),
        partial_response_strategy: strategy(group),
    }
}

fn strategy(group: &Group) -> Option<&'static str> {
    group.partial_response().map(PartialResponse::as_str)
}

fn any_rule(rule: &Rule, group: &Group, with_alerts: bool) -> AnyRule {
    let status = rule.status();
    let labels = LabelMap(rule.labels().clone());
    let (name, query) = (rule.name().to_owned(), rule.query().to_owned());
    let evaluation = |kind| Evaluation {
        health: status.health.as_str(),
        last_error: status.last_error.clone(),
        evaluation_time: status.evaluation_seconds,
        last_evaluation: time_or_zero(status.last_evaluation_ms),
        kind,
    };
    match rule.kind() {
        RuleKind::Recording => AnyRule::Recording(RecordingRule {
            name,
            query,
            labels,
            evaluation: evaluation("recording"),
        }),
        RuleKind::Alerting {
            hold_ms,
            keep_firing_for_ms,
            annotations,
        } => AnyRule::Alerting(AlertingRule {
            state: status.state.as_str(),
            name,
            query,
            duration: seconds(*hold_ms),
            keep_firing_for: seconds(*keep_firing_for_ms),
            labels,
            annotations: annotations.clone(),
            alerts: match with_alerts {
                true => {
                    let alerts = status.alerts.iter();
                    alerts.map(|alert| api_alert(alert, group)).collect()
                }
                false => Vec::new(),
            },
            evaluation: evaluation("alerting"),
        }),
    }
}

fn api_alert(alert: &Alert, group: &Group) -> ApiAlert {
    ApiAlert {
        labels: LabelMap(alert.labels.clone()),
        annotations: BTreeMap::clone(&alert.annotations),
        state: alert.state.as_str(),
        active_at: format_rfc3339(alert.active_at_ms),
        keep_firing_since: alert.keep_firing_since_ms.map(format_rfc3339),
        value: exponential(alert.value),
        partial_response_strategy: strategy(group),
    }
}

/// Always with an exponent of two digits at least, as Go's `FormatFloat(value, 'e', -1, 64)`.
fn exponential(value: f64) -> String {
    if !value.is_finite() {
        return FloatText::default().plain(value).to_owned();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// `/api/v1/alerts`
pub(crate) async fn alerts(State(state): State<ApiState>) -> Response {
    let mut alerts = Vec::new();
    for group in groups(&state) {
        for rule in group.rules() {
            let of_rule = rule.status().alerts;
            alerts.extend(of_rule.iter().map(|alert| api_alert(alert, &group)));
        }
    }
    envelope::success(&Alerts { alerts })
}

/// `/api/v1/alertmanagers`
pub(crate) async fn alertmanagers(State(state): State<ApiState>) -> Response {
    let serving = state.serving();
    let (active, dropped) = serving.map_or_else(Default::default, |s| s.notifier.urls());
    let list = |urls: Vec<String>| urls.into_iter().map(|url| Alertmanager { url }).collect();
    envelope::success(&Alertmanagers {
        active_alertmanagers: list(active),
        dropped_alertmanagers: list(dropped),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_alerts_have_an_exponent() {
        for (value, text) in [
            (0.0, "0e+00"),
            (5.0, "5e+00"),
            (-0.25, "-2.5e-01"),
            (1234.5, "1.2345e+03"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(exponential(value), text);
        }
    }
}
