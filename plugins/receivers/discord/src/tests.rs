use narthex_recorded::{cases, check, deliver};
use narthex_sdk::fake::Host;
use serde_json::{Value, json};

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check::<Discord>(RECORDED);
}

#[test]
fn who_it_is_from_and_a_text_above_can_be_said() {
    let mut case = cases(RECORDED)[0].clone();
    case.entry = json!({
        "content": "@here {{ .Status }}", "title": "t".repeat(257), "message": "m".repeat(4097),
        "username": "bot", "avatar_url": "http://picture",
    });
    assert!(matches!(
        deliver::<Discord>(&case, case.host()),
        Ok(Outcome::Delivered)
    ));
    let sent: Value = serde_json::from_slice(Host::requests()[0].body.as_deref().unwrap()).unwrap();
    let expected = json!({
        "content": "@here firing",
        "embeds": [{"title": format!("{}…", "t".repeat(255)), "description": format!("{}…", "m".repeat(4095)), "color": 10_038_562}],
        "username": "bot", "avatar_url": "http://picture",
    });
    assert_eq!(sent, expected);
}

#[test]
fn the_url_is_told_to_nobody() {
    let case = &cases(RECORDED)[0];
    let url = case.requests[0].url();
    for (status, expected) in [
        (204, "Ok(Outcome::Delivered)"),
        (
            404,
            "Ok(Outcome::Rejected(\"unexpected status code 404: <redacted>\"))",
        ),
        (
            500,
            "Err(Error::Unavailable(\"unexpected status code 500: <redacted>\"))",
        ),
    ] {
        let host = case.host().response(&url, status, url.as_str());
        let outcome = format!("{:?}", deliver::<Discord>(case, host));
        assert_eq!(outcome, expected, "{status}");
    }
}
