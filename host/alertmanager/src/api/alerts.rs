//! Alerts in the API: posted, listed, and listed by group.

use std::sync::Arc;

use narthex_model::Labels;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ApiFault, FaultKind, Texts, receiver_filter, time};
use crate::alert::{Alert, label_order, notification_order};
use crate::manager::Alertmanager;
use crate::matchers::{MatcherMode, accept};
use crate::pipeline::{ALERTS_MAX, Pipeline};
use crate::silences::ActiveSilences;
use crate::timestamp;

/// An alert as somebody posts it. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostedAlert {
    /// Say which alert it is; an empty value is no label.
    pub labels: Texts,
    /// Say something about it.
    pub annotations: Texts,
    /// Since when it fires; none is now.
    pub starts_at_ms: Option<i64>,
    /// When it ends; none is a while after now, unless it comes again.
    pub ends_at_ms: Option<i64>,
    /// Where it comes from; may be empty.
    pub generator_url: String,
}

/// Why alerts were not taken; the others of the same post were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Some say what cannot be.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// There are too many.
    #[error("there are {ALERTS_MAX} alerts already; alerts that would be more are not taken")]
    Full,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// With those that nothing mutes.
    pub active: bool,
    /// With those that a silence mutes.
    pub silenced: bool,
    /// With those that another alert mutes.
    pub inhibited: bool,
    /// With groups that a time interval mutes.
    pub muted: bool,
    /// Matchers that all must accept.
    pub filters: Vec<String>,
    /// An expression that the name of a receiver must match.
    pub receiver: Option<String>,
}

impl Default for AlertQuery {
    fn default() -> Self {
        Self {
            active: true,
            silenced: true,
            inhibited: true,
            muted: true,
            filters: Vec::new(),
            receiver: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    labels: Option<Texts>,
    annotations: Option<Texts>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

impl Alertmanager {
    /// Takes alerts. All that are valid are taken.
    ///
    /// # Errors
    /// Some are not.
    pub fn post(&self, alerts: Vec<PostedAlert>) -> Result<(), PostError> {
        let now_ms = self.now_ms();
        let (mut faults, mut is_full, mut refused) = (Vec::new(), false, 0);
        let mode = self.options.matcher_mode;
        self.with_state(|state| {
            let timeout_ms = state.pipeline.resolved.resolve_timeout_ms;
            for posted in alerts {
                let alert = alert(posted, timeout_ms, now_ms);
                let status = match alert.is_resolved(now_ms) {
                    true => "resolved",
                    false => "firing",
                };
                self.metrics.received(status).inc();
                if let Some(fault) = fault(&alert, mode) {
                    self.metrics.invalid().inc();
                    faults.push(fault);
                    continue;
                }
                match state.pipeline.post(alert, now_ms) {
                    Some(more) => refused += more,
                    None => is_full = true,
                }
            }
        });
        self.wake();
        self.refused_groups(refused);
        if is_full {
            tracing::error!(
                count_max = ALERTS_MAX,
                "there are too many alerts; more are not taken"
            );
            return Err(PostError::Full);
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(PostError::Invalid(faults)),
        }
    }

    /// `POST /alerts`
    ///
    /// # Errors
    /// The body cannot be read, or alerts in it were not taken.
    pub fn post_body(&self, body: &[u8]) -> Result<(), ApiFault> {
        let read: Vec<Posted> = serde_json::from_slice(body).map_err(|error| {
            let text = format!("parsing alerts body from \"\" failed, because {error}");
            ApiFault::unreadable(text)
        })?;
        let mut alerts = Vec::with_capacity(read.len());
        for (at, posted) in read.into_iter().enumerate() {
            let labels = posted.labels;
            alerts.push(PostedAlert {
                labels: labels.ok_or_else(|| ApiFault::required(&format!("{at}.labels")))?,
                annotations: posted.annotations.unwrap_or_default(),
                starts_at_ms: time("alerts", posted.starts_at.as_deref())?,
                ends_at_ms: time("alerts", posted.ends_at.as_deref())?,
                generator_url: posted.generator_url.unwrap_or_default(),
            });
        }
        self.post(alerts).map_err(|error| {
            let kind = match error {
                PostError::Invalid(_) => FaultKind::BadRequest,
                PostError::Full => FaultKind::Unavailable,
            };
            ApiFault::new(kind, error.to_string())
        })
    }

    /// `GET /alerts`
    ///
    /// # Errors
    /// A filter cannot be read.
    pub fn alerts(&self, query: &AlertQuery) -> Result<Value, ApiFault> {
        let filters = self.filters(&query.filters)?;
        let receiver = receiver_filter(query.receiver.as_deref())?;
        let now_ms = self.now_ms();
        // Others wait while the state is held, so it is only looked at there, and shown after that.
        let shown = self.with_state(|state| {
            let pipeline = &state.pipeline;
            let silences = pipeline.silences.active(now_ms);
            let alerts = pipeline.alerts.values();
            let shown = alerts.filter_map(|alert| {
                if alert.is_resolved(now_ms) || !accept(&filters, &alert.labels) {
                    return None;
                }
                let receivers = receivers(pipeline, &alert.labels);
                let is_other = receiver
                    .as_ref()
                    .is_some_and(|wanted| !receivers.iter().any(|name| wanted.matches(name)));
                if is_other {
                    return None;
                }
                let status = Status::of(pipeline, &silences, alert, now_ms);
                let alert = Arc::clone(alert);
                status
                    .is_wanted(query)
                    .then_some((alert, status, receivers))
            });
            shown.collect::<Vec<_>>()
        });
        let shown = shown.iter();
        let shown = shown.map(|(alert, status, receivers)| status.show(alert, receivers, &[]));
        Ok(shown.collect())
    }

    /// `GET /alerts/groups`
    ///
    /// # Errors
    /// A filter cannot be read.
    pub fn groups(&self, query: &AlertQuery) -> Result<Value, ApiFault> {
        let filters = self.filters(&query.filters)?;
        let receiver = receiver_filter(query.receiver.as_deref())?;
        let now_ms = self.now_ms();
        let mut groups = self.with_state(|state| {
            let pipeline = &state.pipeline;
            let silences = pipeline.silences.active(now_ms);
            let mut groups = Vec::new();
            for group in pipeline.dispatcher.groups() {
                let Some(route) = pipeline.resolved.routes.get(group.route) else {
                    continue;
                };
                let muted_by = pipeline.muted_by(route, now_ms);
                let is_other = receiver
                    .as_ref()
                    .is_some_and(|wanted| !wanted.matches(&route.receiver));
                if is_other || (!query.muted && !muted_by.is_empty()) {
                    continue;
                }
                let alerts = group.alerts.values().filter_map(|alert| {
                    if alert.is_resolved(now_ms) || !accept(&filters, &alert.labels) {
                        return None;
                    }
                    let status = Status::of(pipeline, &silences, alert, now_ms);
                    // Only those that are asked for, as in Alertmanager.
                    let mut receivers = receivers(pipeline, &alert.labels);
                    receivers
                        .retain(|name| receiver.as_ref().is_none_or(|wanted| wanted.matches(name)));
                    let alert = Arc::clone(alert);
                    status
                        .is_wanted(query)
                        .then_some((alert, status, receivers))
                });
                let alerts: Vec<_> = alerts.collect();
                if !alerts.is_empty() {
                    let (labels, receiver) = (group.labels.clone(), route.receiver.clone());
                    groups.push((labels, receiver, muted_by, alerts));
                }
            }
            groups
        });
        groups.sort_by(|one, other| {
            let labels = label_order(&one.0, &other.0);
            labels.then_with(|| one.1.cmp(&other.1))
        });
        let groups = groups
            .into_iter()
            .map(|(labels, receiver, muted_by, mut alerts)| {
                alerts.sort_by(|one, other| notification_order(&one.0.labels, &other.0.labels));
                let alerts = alerts.iter();
                let alerts: Vec<Value> = alerts
                    .map(|(alert, status, receivers)| status.show(alert, receivers, &muted_by))
                    .collect();
                json!({
                    "alerts": alerts,
                    "labels": texts(&labels),
                    "receiver": {"name": receiver},
                })
            });
        Ok(groups.collect())
    }
}

fn receivers(pipeline: &Pipeline, labels: &Labels) -> Vec<String> {
    let routes = &pipeline.resolved.routes;
    let matching = routes.matching(labels).into_iter();
    matching
        .filter_map(|at| routes.get(at))
        .map(|route| route.receiver.clone())
        .collect()
}

fn texts(labels: &Labels) -> Value {
    let pairs = labels.iter();
    let pairs = pairs.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(pairs.collect())
}

/// What mutes an alert.
struct Status {
    silenced_by: Vec<String>,
    inhibited_by: Vec<String>,
}

impl Status {
    fn of(pipeline: &Pipeline, silences: &ActiveSilences<'_>, alert: &Alert, now_ms: i64) -> Self {
        let inhibited_by = pipeline.inhibitor.muted_by(&alert.labels, now_ms);
        Self {
            silenced_by: silences.muting(&alert.labels),
            inhibited_by: inhibited_by.iter().map(ToString::to_string).collect(),
        }
    }

    fn is_active(&self) -> bool {
        self.silenced_by.is_empty() && self.inhibited_by.is_empty()
    }

    fn is_wanted(&self, query: &AlertQuery) -> bool {
        (query.active || !self.is_active())
            && (query.silenced || self.silenced_by.is_empty())
            && (query.inhibited || self.inhibited_by.is_empty())
    }

    fn show(&self, alert: &Alert, receivers: &[String], muted_by: &[String]) -> Value {
        let receivers: Vec<Value> = receivers.iter().map(|name| json!({"name": name})).collect();
        let state = match self.is_active() && muted_by.is_empty() {
            true => "active",
            false => "suppressed",
        };
        let mut shown = Map::new();
        let mut add = |name: &str, value: Value| {
            shown.insert(name.to_owned(), value);
        };
        add("annotations", json!(alert.annotations));
        add("endsAt", timestamp::format_api(alert.ends_at_ms).into());
        add("fingerprint", alert.fingerprint().to_string().into());
        add("receivers", receivers.into());
        add("startsAt", timestamp::format_api(alert.starts_at_ms).into());
        add(
            "status",
            json!({
                "inhibitedBy": self.inhibited_by,
                "mutedBy": muted_by,
                "silencedBy": self.silenced_by,
                "state": state,
            }),
        );
        add(
            "updatedAt",
            timestamp::format_api(alert.updated_at_ms).into(),
        );
        if !alert.generator_url.is_empty() {
            add("generatorURL", alert.generator_url.clone().into());
        }
        add("labels", texts(&alert.labels));
        Value::Object(shown)
    }
}

/// The alert that somebody posted, its times filled in.
fn alert(posted: PostedAlert, timeout_ms: i64, now_ms: i64) -> Alert {
    let starts_at_ms = posted.starts_at_ms.or(posted.ends_at_ms).unwrap_or(now_ms);
    let timeout_at_ms = now_ms.saturating_add(timeout_ms);
    Alert {
        labels: Labels::from_pairs(posted.labels),
        annotations: posted.annotations,
        starts_at_ms,
        ends_at_ms: posted.ends_at_ms.unwrap_or(timeout_at_ms),
        updated_at_ms: now_ms,
        is_timeout: posted.ends_at_ms.is_none(),
        generator_url: posted.generator_url,
    }
}

/// What is wrong with an alert, in Alertmanager's words.
fn fault(alert: &Alert, mode: MatcherMode) -> Option<String> {
    let bad_name = |name: &&str| !mode.is_label_name(name);
    if alert.ends_at_ms < alert.starts_at_ms {
        return Some("start time must be before end time".to_owned());
    }
    if let Some(name) = alert.labels.iter().map(|pair| pair.0).find(bad_name) {
        return Some(format!("invalid label set: invalid name {name:?}"));
    }
    if alert.labels.is_empty() {
        return Some("at least one label pair required".to_owned());
    }
    let mut names = alert.annotations.keys().map(String::as_str);
    let name = names.find(bad_name)?;
    Some(format!("invalid annotations: invalid name {name:?}"))
}
