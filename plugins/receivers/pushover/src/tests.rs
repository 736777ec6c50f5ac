use narthex_recorded::{Case, cases, check_cases, deliver};
use narthex_sdk::fake::Host;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

/// The cases, with the device that Alertmanager names since 0.26, be it none.
fn recorded() -> Vec<Case> {
    let mut cases = cases(RECORDED);
    for case in &mut cases {
        for request in &mut case.requests {
            request.path = request.path.replace("?expire", "?device=&expire");
        }
    }
    cases
}

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check_cases::<Pushover>(&recorded());
}

#[test]
fn each_text_has_its_bound() {
    let mut case = recorded()[0].clone();
    for (field, length) in [("title", 251), ("message", 1025), ("url", 513)] {
        case.entry[field] = "x".repeat(length).into();
    }
    for (field, value) in [("ttl", "1m"), ("device", "phone")] {
        case.entry[field] = value.into();
    }
    case.entry["monospace"] = true.into();
    // The fake host has no answer to this.
    assert!(deliver::<Pushover>(&case, case.host()).is_err());
    let url = &Host::requests()[0].url;
    let (_, query) = url.split_once('?').unwrap();
    let mut lengths = Vec::new();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "title" | "message" | "url" => {
                lengths.push((name, value.replace("%E2%80%A6", "…").chars().count()));
            }
            "ttl" => assert_eq!(value, "60"),
            "device" => assert_eq!(value, "phone"),
            "monospace" => assert_eq!(value, "1"),
            _ => {}
        }
    }
    assert_eq!(lengths, [("message", 1024), ("title", 250), ("url", 512)]);
}

#[test]
fn the_keys_are_told_to_nobody() {
    let case = &recorded()[0];
    let url = case.requests[0].url();
    for (status, expected) in [
        (200, "Ok(Outcome::Delivered)"),
        (
            400,
            "Ok(Outcome::Rejected(\"unexpected status code 400: no <redacted>\"))",
        ),
        (
            429,
            "Ok(Outcome::Rejected(\"unexpected status code 429: no <redacted>\"))",
        ),
        (
            500,
            "Err(Error::Unavailable(\"unexpected status code 500: no <redacted>\"))",
        ),
    ] {
        let host = case.host().response(&url, status, "no t0ken");
        let outcome = format!("{:?}", deliver::<Pushover>(case, host));
        assert_eq!(outcome, expected, "{status}");
    }
    let mut lost = case.clone();
    lost.requests.clear();
    let shown = format!("{:?}", deliver::<Pushover>(&lost, lost.host()));
    assert_eq!(shown, "Err(Error::Denied(\"<redacted> is not there\"))");
}
