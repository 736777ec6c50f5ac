//! Fixtures of receivers: what becomes of a notification.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_plugin::{Alert, Notification, NotificationTexts, Outcome as Came};
use narthex_template::alertmanager::Templates;
use tokio::time::Instant;

use crate::AuthorError;
use crate::fixture::{self, Outcome, Places};
use crate::report::{Fault, FixtureReport};
use crate::trial::{Stage, note_complaints};

impl Stage<'_> {
    pub(super) async fn play_outcome(
        &mut self,
        expected: &Outcome,
        report: &mut FixtureReport,
    ) -> Result<(), AuthorError> {
        let notification = self.fixture.notification.clone().unwrap_or_default();
        let notification = filled(&notification, self.player.places());
        // A fixture has no templates of its own.
        let templates = Templates::new();
        let templates = templates.map_err(|error| AuthorError::Component(error.to_string()))?;
        let texts = NotificationTexts::new(templates.into(), &notification, self.fixture.now_ms);
        let texts = Arc::new(texts);
        for job in ["first", "second"] {
            let receiver = self.session.receiver(job, &self.config)?;
            self.player.begin_call();
            let start = Instant::now();
            let deadline = start + self.session.timeout();
            let outcome = receiver
                .notify(&notification, texts.clone(), deadline)
                .await;
            self.durations.push(start.elapsed().as_secs_f64());
            note_complaints(self.player.end_call().await, report);
            if !is_as_expected(expected, &outcome) {
                let message = format!("expected {}, was {}", word(expected), came(&outcome));
                report.faults.push(Fault::Expectation { message });
                break;
            }
        }
        Ok(())
    }
}

fn is_as_expected(expected: &Outcome, outcome: &Came) -> bool {
    match (expected, outcome) {
        (Outcome::Delivered, Came::Delivered) => true,
        (Outcome::Retry(None), Came::Retry { .. }) => true,
        (Outcome::Retry(Some(seconds)), Came::Retry { after, .. }) => {
            after.is_some_and(|after| after.as_secs() == u64::from(*seconds))
        }
        (Outcome::Rejected(part), Came::Rejected { reason }) => reason.contains(part),
        _ => false,
    }
}

fn word(expected: &Outcome) -> String {
    match expected {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Retry(None) => "retry".to_owned(),
        Outcome::Retry(Some(seconds)) => format!("retry {seconds}"),
        Outcome::Rejected(part) => format!("rejected: {part}"),
    }
}

fn came(outcome: &Came) -> String {
    match outcome {
        Came::Delivered => "delivered".to_owned(),
        Came::Retry { after, reason } => {
            let seconds = after.map_or(String::new(), |after| format!(" {}", after.as_secs()));
            format!("retry{seconds} {reason}").trim_end().to_owned()
        }
        Came::Rejected { reason } => format!("rejected: {reason}"),
    }
}

/// The notification as the runtime takes it, with its placeholders filled in.
fn filled(notification: &fixture::Notification, places: &Places) -> Notification {
    let pairs = |labels: &BTreeMap<String, String>| -> Vec<(String, String)> {
        let filled = labels.iter().map(|(n, v)| (n.clone(), places.fill(v)));
        filled.collect()
    };
    Notification {
        group_key: notification.group_key.clone(),
        receiver: notification.receiver.clone(),
        group_labels: pairs(&notification.group_labels),
        common_labels: pairs(&notification.common_labels),
        common_annotations: pairs(&notification.common_annotations),
        external_url: places.fill(&notification.external_url),
        truncated: notification.truncated,
        alerts: notification
            .alerts
            .iter()
            .map(|alert| Alert {
                is_firing: alert.firing,
                fingerprint: alert.fingerprint.clone(),
                labels: pairs(&alert.labels),
                annotations: pairs(&alert.annotations),
                starts_at_ms: alert.starts_at_ms,
                ends_at_ms: alert.ends_at_ms,
                generator_url: places.fill(&alert.generator_url),
            })
            .collect(),
    }
}
