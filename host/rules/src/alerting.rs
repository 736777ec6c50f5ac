//! What becomes of the alerts of a rule when its query was answered: a function of the alerts so
//! far, of the answer and of the time.
//!
//! It is not: who asks the query or expands templates.

use std::collections::BTreeMap;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME};

use crate::alert::AlertSeries;
use crate::rule::{Rule, RuleState};
use crate::{
    ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE, Alert, AlertState, Annotations,
    Notification, RESOLVED_RETENTION_MS, RuleKind,
};

/// An alert as the query gives it now.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) annotations: Annotations,
    pub(crate) value: f64,
}

/// Takes what the query gives, by the labels of each alert, and says what is to be written: labels
/// and value.
///
/// # Errors
/// There are more than `limit`; none of them is kept.
pub(crate) fn take(
    rule: &Rule,
    state: &mut RuleState,
    mut given: BTreeMap<Labels, Given>,
    now_ms: i64,
    limit: usize,
) -> Result<Vec<(Labels, f64)>, String> {
    let RuleKind::Alerting {
        hold_ms,
        keep_firing_for_ms,
        ..
    } = rule.kind()
    else {
        return Ok(Vec::new());
    };
    let mut active = 0_usize;
    let mut written = Vec::new();
    let is_restored = state.is_restored;
    let mut take_one = |alert: &mut Alert, given: Option<Given>| {
        let is_given = given.is_some();
        alert.set_back(now_ms);
        if let Some(given) = given {
            if alert.state == AlertState::Inactive {
                *alert = Alert::new(alert.labels.clone(), given.annotations, given.value, now_ms);
            } else {
                alert.value = given.value;
                alert.annotations = given.annotations;
            }
            alert.keep_firing_since_ms = None;
        }
        if !is_given && !goes_on(alert, *keep_firing_for_ms, now_ms) {
            return end(alert, now_ms);
        }
        active += 1;
        let is_held = now_ms.saturating_sub(alert.active_at_ms) >= *hold_ms;
        if alert.state == AlertState::Pending && is_held {
            alert.state = AlertState::Firing;
            alert.fired_at_ms = Some(now_ms);
        }
        if is_restored {
            let (alerts, for_state) = series(rule, alert);
            written.push((alerts, 1.0));
            let since_seconds = alert.active_at_ms.div_euclid(1000);
            #[allow(
                clippy::cast_precision_loss,
                reason = "seconds since the epoch are below 2^53"
            )]
            written.push((for_state, since_seconds as f64));
        }
        true
    };
    state
        .alerts
        .retain(|labels, alert| take_one(alert, given.remove(labels)));
    for (labels, given) in given {
        let annotations = given.annotations.clone();
        let mut alert = Alert::new(labels.clone(), annotations, given.value, now_ms);
        take_one(&mut alert, Some(given));
        state.alerts.insert(labels, alert);
    }
    if limit > 0 && active > limit {
        state.alerts.clear();
        return Err(format!("exceeded limit of {limit} with {active} alerts"));
    }
    Ok(written)
}

/// Whether an alert that is not given any more fires for a while yet.
fn goes_on(alert: &mut Alert, keep_firing_for_ms: i64, now_ms: i64) -> bool {
    if alert.state != AlertState::Firing || keep_firing_for_ms <= 0 {
        return false;
    }
    let since_ms = *alert.keep_firing_since_ms.get_or_insert(now_ms);
    now_ms.saturating_sub(since_ms) < keep_firing_for_ms
}

/// Ends an alert; `false` where nobody has to know of it any more.
fn end(alert: &mut Alert, now_ms: i64) -> bool {
    let is_old = alert
        .resolved_at_ms
        .is_some_and(|ended| now_ms.saturating_sub(ended) > RESOLVED_RETENTION_MS);
    if alert.state == AlertState::Pending || is_old {
        return false;
    }
    if alert.state != AlertState::Inactive {
        alert.state = AlertState::Inactive;
        alert.resolved_at_ms = Some(now_ms);
    }
    true
}

/// The series of [`ALERTS`] and of [`ALERTS_FOR_STATE`]; made only where the state has changed.
fn series(rule: &Rule, alert: &mut Alert) -> (Labels, Labels) {
    let known = alert.series.as_ref();
    if let Some(known) = known.filter(|known| known.state == alert.state) {
        return (known.alerts.clone(), known.for_state.clone());
    }
    let mut alerts = labels(rule, alert, ALERTS);
    let alerts = alerts.set(ALERT_STATE, alert.state.as_str()).build();
    let for_state = labels(rule, alert, ALERTS_FOR_STATE).build();
    alert.series = Some(AlertSeries {
        state: alert.state,
        alerts: alerts.clone(),
        for_state: for_state.clone(),
    });
    (alerts, for_state)
}

/// The labels of an alert on top of those of its rule. Of a label whose template gave nothing the
/// template itself stays, as in Prometheus.
fn labels(rule: &Rule, alert: &Alert, name: &str) -> LabelsBuilder {
    let mut builder = LabelsBuilder::from_labels(rule.labels());
    for (label, value) in &alert.labels {
        builder.set(label, value);
    }
    builder.set(METRIC_NAME, name).set(ALERT_NAME, rule.name());
    builder
}

/// What is to be told now, and writes down that it was. Each holds for four times the longer of the
/// interval and the delay, so that two evaluations or two requests may fail.
pub(crate) fn notifications(
    rule: &Rule,
    state: &mut RuleState,
    now_ms: i64,
    resend_delay_ms: i64,
    interval_ms: i64,
    external_url: &str,
) -> Vec<Notification> {
    let valid_ms = interval_ms.max(resend_delay_ms).saturating_mul(4);
    let due = state.alerts.values_mut();
    let due = due.filter(|alert| alert.is_due(now_ms, resend_delay_ms));
    let due = due.map(|alert| {
        alert.last_sent_at_ms = Some(now_ms);
        alert.valid_until_ms = now_ms.saturating_add(valid_ms);
        Notification {
            labels: alert.labels.clone(),
            annotations: Annotations::clone(&alert.annotations),
            starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
            ends_at_ms: alert.resolved_at_ms.unwrap_or(alert.valid_until_ms),
            generator_url: generator_url(external_url, rule.query()),
        }
    });
    due.collect()
}

/// Where people see a query as a table.
fn generator_url(external_url: &str, query: &str) -> String {
    let mut url = format!("{external_url}/graph?g0.expr=");
    for byte in query.bytes() {
        match byte {
            b' ' => url.push('+'),
            b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            byte => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push_str("&g0.tab=1");
    url
}

#[cfg(test)]
mod tests;
