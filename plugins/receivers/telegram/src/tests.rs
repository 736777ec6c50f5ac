use narthex_recorded::{Case, cases, check, deliver};
use narthex_sdk::fake::Host;
use serde_json::Value;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check::<Telegram>(RECORDED);
}

fn case() -> Case {
    cases(RECORDED)[0].clone()
}

fn sent() -> Value {
    serde_json::from_slice(Host::requests()[0].body.as_deref().unwrap()).unwrap()
}

#[test]
fn whatever_fails_is_tried_again_when_telegram_says() {
    let case = case();
    for (status, body, expected) in [
        (
            200,
            r#"{"ok": true, "result": {}}"#,
            "Ok(Outcome::Delivered)",
        ),
        (
            400,
            r#"{"ok": false, "error_code": 400, "description": "Bad Request: chat not found"}"#,
            "Err(Error::Unavailable(\"unexpected answer of status code 400: Bad Request: chat not \
             found\"))",
        ),
        (
            429,
            r#"{"ok": false, "description": "Too Many Requests", "parameters": {"retry_after": 5}}"#,
            "Ok(Outcome::Retry(Some(5)))",
        ),
        (
            502,
            "<html>12:b0t</html>",
            "Err(Error::Unavailable(\"unexpected answer of status code 502\"))",
        ),
        (
            401,
            r#"{"description": "12:b0t is nobody"}"#,
            "Err(Error::Unavailable(\"unexpected answer of status code 401: <redacted> is nobody\"))",
        ),
    ] {
        let host = case.host().response(&case.requests[0].url(), status, body);
        let outcome = format!("{:?}", deliver::<Telegram>(&case, host));
        assert_eq!(outcome, expected, "{body}");
    }
}

#[test]
fn a_chat_may_stand_in_a_file_and_have_topics() {
    let mut case = case();
    case.entry.as_object_mut().unwrap().remove("chat_id");
    case.entry["message_thread_id"] = 7.into();
    case.entry["message"] = "ß".repeat(4097).into();
    let host = case.host().secret("chat_id", "-5\n");
    assert!(matches!(
        deliver::<Telegram>(&case, host),
        Ok(Outcome::Delivered)
    ));
    let sent = sent();
    assert_eq!(sent["chat_id"], "-5");
    assert_eq!(sent["message_thread_id"], "7");
    let text = sent["text"].as_str().unwrap();
    assert_eq!(
        (text.chars().count(), text.chars().last()),
        (4096, Some('…'))
    );

    let host = case.host().secret("chat_id", "team");
    assert!(matches!(
        deliver::<Telegram>(&case, host),
        Err(Error::Config(_))
    ));
}

#[test]
fn without_a_token_or_a_chat_it_is_not_put_to_work() {
    Host::new().install();
    assert!(Telegram::init(Entry::default()).is_err());
    Host::new().secret("bot_token", "1:2").install();
    assert!(Telegram::init(Entry::default()).is_err());
}
