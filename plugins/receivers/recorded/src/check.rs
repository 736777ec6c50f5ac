//! The whole of a receiver on a case: what it sends is what was recorded.

use narthex_sdk::fake::{Host, Sent};
use narthex_sdk::{Error, Outcome, Receiver};
use serde_json::Value;

use crate::case::{Case, cases};

/// Delivers each case of a file, and compares the requests.
pub fn check<R: Receiver>(text: &str) {
    check_cases::<R>(&cases(text));
}

/// Delivers each case, and compares the requests.
pub fn check_cases<R: Receiver>(cases: &[Case]) {
    assert!(!cases.is_empty());
    for case in cases {
        let what = format!("{} {}", case.name, case.notification.status);
        let outcome = deliver::<R>(case, case.host());
        assert!(
            matches!(outcome, Ok(Outcome::Delivered)),
            "{what}: {outcome:?}"
        );
        let sent = Host::requests();
        assert_eq!(sent.len(), case.requests.len(), "{what}");
        for (sent, expected) in sent.iter().zip(&case.requests) {
            assert_eq!(sent.method, expected.method, "{what}");
            assert_eq!(sent.url, expected.url(), "{what}");
            for (name, value) in &expected.headers {
                assert_eq!(header(sent, name), Some(value.as_str()), "{what}: {name}");
            }
            let body = String::from_utf8(sent.body.clone().unwrap_or_default()).unwrap();
            assert_eq!(value(&body), value(&expected.body), "{what}");
        }
    }
}

/// Delivers a case by a receiver of its own, at a host.
///
/// # Errors
/// What the receiver says.
pub fn deliver<R: Receiver>(case: &Case, host: Host) -> Result<Outcome, Error> {
    host.install();
    R::init(case.config())?.notify(&case.notification())
}

fn header<'a>(sent: &'a Sent, name: &str) -> Option<&'a str> {
    let mut headers = sent.headers.iter();
    let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// JSON as its value, so that neither the order of fields nor how a character is escaped matters.
fn value(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| Value::from(body))
}
