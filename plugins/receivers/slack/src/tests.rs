use narthex_recorded::{cases, check, deliver};
use narthex_sdk::fake::Host;
use serde_json::Value;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check::<Slack>(RECORDED);
}

/// What becomes of the first case where Slack answers so.
fn answered(status: u16, content_type: &str, body: &str) -> String {
    let case = &cases(RECORDED)[0];
    let response = Response {
        status,
        headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
        body: body.as_bytes().to_vec(),
    };
    let host = case.host().respond(&case.requests[0].url(), response);
    let outcome = format!("{:?}", deliver::<Slack>(case, host));
    assert!(!outcome.contains("s3cret"), "{outcome}");
    outcome
}

#[test]
fn slack_also_refuses_with_a_status_that_says_all_is_well() {
    for (status, content_type, body, expected) in [
        (200, "text/plain", "ok", "Ok(Outcome::Delivered)"),
        (
            200,
            "application/json; charset=utf-8",
            r#"{"ok": true}"#,
            "Ok(Outcome::Delivered)",
        ),
        (
            200,
            "text/html",
            "no_text",
            "Ok(Outcome::Rejected(\"channel \\\"#alerts\\\": error response from Slack: no_text\"))",
        ),
        (
            200,
            "application/json",
            r#"{"ok": false, "error": "channel_not_found"}"#,
            "Ok(Outcome::Rejected(\"channel \\\"#alerts\\\": error response from Slack: \
             channel_not_found\"))",
        ),
        (
            200,
            "application/json",
            "{",
            "Err(Error::Unavailable(\"channel \\\"#alerts\\\": the body does not fit",
        ),
        (
            404,
            "text/plain",
            "no_service",
            "Ok(Outcome::Rejected(\"channel \\\"#alerts\\\": unexpected status code 404: no_service\"))",
        ),
        (
            429,
            "text/plain",
            "",
            "Ok(Outcome::Rejected(\"channel \\\"#alerts\\\": unexpected status code 429\"))",
        ),
        (
            502,
            "text/plain",
            "",
            "Err(Error::Unavailable(\"channel \\\"#alerts\\\": unexpected status code 502\"))",
        ),
    ] {
        let outcome = answered(status, content_type, body);
        assert!(outcome.starts_with(expected), "{body}: {outcome}");
    }
}

#[test]
fn an_app_posts_with_its_token() {
    let mut case = cases(RECORDED)[0].clone();
    case.entry["app_url"] = "http://service/api/chat.postMessage".into();
    case.entry["message_text"] = "{{ .Status }}".into();
    let url = "http://service/api/chat.postMessage";
    let response = Response {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: br#"{"ok": true}"#.to_vec(),
    };
    let host = case
        .host()
        .secret("app_token", "xoxb-1")
        .respond(url, response);
    assert!(matches!(
        deliver::<Slack>(&case, host),
        Ok(Outcome::Delivered)
    ));
    let sent = &Host::requests()[0];
    let bearer = ("Authorization".to_owned(), "Bearer xoxb-1".to_owned());
    assert!(sent.headers.contains(&bearer), "{sent:?}");
    let body: Value = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    assert_eq!(body["text"], "firing");
}

#[test]
fn a_long_title_is_cut() {
    let mut case = cases(RECORDED)[0].clone();
    case.entry["title"] = "ü".repeat(1025).into();
    assert!(deliver::<Slack>(&case, case.host()).is_ok());
    let body: Value = serde_json::from_slice(Host::requests()[0].body.as_deref().unwrap()).unwrap();
    let title = body["attachments"][0]["title"].as_str().unwrap();
    assert_eq!(title, format!("{}…", "ü".repeat(1023)));
}

#[test]
fn without_its_url_it_is_not_put_to_work() {
    Host::new().install();
    assert!(Slack::init(Entry::default()).is_err());
}

#[test]
fn a_template_that_fails_is_a_fault_of_the_configuration() {
    let mut case = cases(RECORDED)[0].clone();
    case.entry["text"] = "{{ .Nothing }}".into();
    let outcome = deliver::<Slack>(&case, case.host());
    assert!(matches!(outcome, Err(Error::Config(_))), "{outcome:?}");
    assert!(Host::requests().is_empty());
}
