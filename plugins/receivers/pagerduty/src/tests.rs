use narthex_recorded::{Case, cases, check, deliver};
use narthex_sdk::fake::Host;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check::<PagerDuty>(RECORDED);
}

fn case(name: &str) -> Case {
    let mut cases = cases(RECORDED).into_iter();
    cases.find(|case| case.name == name).unwrap()
}

fn sent() -> Value {
    serde_json::from_slice(Host::requests()[0].body.as_deref().unwrap()).unwrap()
}

#[test]
fn each_version_has_a_status_of_its_own_for_too_fast() {
    let wrong = r#"{"status": "invalid event", "message": "Event object is invalid", "errors": ["a", "b"]}"#;
    for (name, status, body, expected) in [
        ("pagerduty-default", 202, "", "Ok(Outcome::Delivered)"),
        (
            "pagerduty-default",
            429,
            "",
            "Err(Error::Unavailable(\"unexpected status code 429\"))",
        ),
        (
            "pagerduty-default",
            403,
            "r0ute",
            "Ok(Outcome::Rejected(\"unexpected status code 403\"))",
        ),
        (
            "pagerduty-default",
            400,
            wrong,
            "Ok(Outcome::Rejected(\"unexpected status code 400: Event object is invalid: a,b\"))",
        ),
        (
            "pagerduty-default",
            500,
            "",
            "Err(Error::Unavailable(\"unexpected status code 500\"))",
        ),
        (
            "pagerduty-v1",
            403,
            "",
            "Err(Error::Unavailable(\"unexpected status code 403\"))",
        ),
        (
            "pagerduty-v1",
            429,
            "",
            "Ok(Outcome::Rejected(\"unexpected status code 429\"))",
        ),
    ] {
        let case = case(name);
        let host = case.host().response(&case.requests[0].url(), status, body);
        let outcome = format!("{:?}", deliver::<PagerDuty>(&case, host));
        assert_eq!(outcome, expected, "{name} {status}");
    }
}

#[test]
fn what_is_too_large_goes_without_its_details() {
    let mut case = case("pagerduty-default");
    case.entry["details"] = serde_json::json!({"large": "x".repeat(512_000)});
    case.entry["description"] = "y".repeat(1025).into();
    assert!(deliver::<PagerDuty>(&case, case.host()).is_ok());
    let sent = sent();
    let details = sent["payload"]["custom_details"].as_object().unwrap();
    assert_eq!(details.keys().collect::<Vec<_>>(), ["error"]);
    let summary = sent["payload"]["summary"].as_str().unwrap();
    assert_eq!(summary.chars().count(), 1024);
    assert_eq!(Host::logged().len(), 2);
}

#[test]
fn details_may_be_of_any_depth() {
    let mut case = case("pagerduty-default");
    case.entry["details"] = serde_json::json!({"a": {"b": ["{{ .Status }}", 1]}, "c": 2});
    assert!(deliver::<PagerDuty>(&case, case.host()).is_ok());
    let details = &sent()["payload"]["custom_details"];
    assert_eq!(details["a"], serde_json::json!({"b": ["firing", 1]}));
    assert_eq!(details["c"], "2");
}

#[test]
fn a_key_that_becomes_nothing_is_refused_before_it_is_sent() {
    let mut case = case("pagerduty-default");
    let key = "{{ .CommonLabels.missing }}".to_owned();
    case.secrets.insert("routing_key".to_owned(), key);
    let outcome = deliver::<PagerDuty>(&case, case.host());
    assert!(matches!(outcome, Ok(Outcome::Rejected(_))), "{outcome:?}");
    assert!(Host::requests().is_empty());
}

#[test]
fn without_a_key_it_is_not_put_to_work() {
    Host::new().install();
    assert!(PagerDuty::init(Entry::default()).is_err());
}
