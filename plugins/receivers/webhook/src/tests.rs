use narthex_recorded::{cases, check, deliver};
use narthex_sdk::fake::Host;
use serde_json::Value;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check::<Webhook>(RECORDED);
}

#[test]
fn alerts_that_the_host_left_out_are_counted() {
    let case = &cases(RECORDED)[0];
    let mut notification = case.notification();
    notification.truncated = 3;
    for (alerts_max, expected) in [(0, 3), (1, 4), (9, 3)] {
        let message = message(&notification, alerts_max);
        assert_eq!(message.truncated_alerts, expected, "{alerts_max}");
    }
}

#[test]
fn the_url_is_told_to_nobody() {
    let case = &cases(RECORDED)[0];
    let url = case.requests[0].url();
    for (status, is_temporary) in [(500, true), (503, true), (404, false), (429, false)] {
        let host = case.host().response(&url, status, format!("no {url}"));
        let outcome = deliver::<Webhook>(case, host);
        let shown = format!("{outcome:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            shown.contains(&format!("unexpected status code {status}")),
            "{shown}"
        );
        assert_eq!(matches!(outcome, Err(Error::Unavailable(_))), is_temporary);
    }
    // Nobody answers there.
    let mut lost = case.clone();
    lost.requests.clear();
    let shown = format!("{:?}", deliver::<Webhook>(&lost, lost.host()));
    assert!(
        shown.contains("<redacted>") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[test]
fn one_firing_alert_makes_the_group_firing() {
    let case = &cases(RECORDED)[0];
    let mut notification = case.notification();
    notification.alerts[0].firing = false;
    notification.alerts[0].ends_at = Some(0);
    let shown = serde_json::to_value(message(&notification, 0)).unwrap();
    assert_eq!(shown["status"], "firing");
    assert_eq!(shown["alerts"][0]["endsAt"], "1970-01-01T00:00:00Z");
    let shown = serde_json::to_value(message(&notification, 1)).unwrap();
    assert_eq!(shown["status"], "resolved");
    assert_eq!(shown["commonAnnotations"]["of"], Value::from("one"));
    assert!(Host::requests().is_empty());
}
