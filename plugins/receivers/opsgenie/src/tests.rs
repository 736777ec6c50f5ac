use narthex_recorded::{cases, check, deliver};
use narthex_sdk::fake::Host;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

#[test]
fn what_is_sent_is_what_alertmanager_sends() {
    check::<Opsgenie>(RECORDED);
}

#[test]
fn a_status_decides_what_becomes_of_the_notification() {
    let case = &cases(RECORDED)[0];
    for (status, expected) in [
        (202, "Ok(Outcome::Delivered)"),
        (
            422,
            "Ok(Outcome::Rejected(\"unexpected status code 422: no key <redacted>\"))",
        ),
        (
            429,
            "Err(Error::Unavailable(\"unexpected status code 429: no key <redacted>\"))",
        ),
        (
            500,
            "Err(Error::Unavailable(\"unexpected status code 500: no key <redacted>\"))",
        ),
    ] {
        let url = case.requests[0].url();
        let host = case.host().response(&url, status, "no key gen1e");
        let outcome = format!("{:?}", deliver::<Opsgenie>(case, host));
        assert_eq!(outcome, expected, "{status}");
    }
}

#[test]
fn what_is_refused_is_not_followed_by_more() {
    let cases = cases(RECORDED);
    let case = cases.iter().find(|case| case.requests.len() == 3).unwrap();
    let host = case.host().response(&case.requests[1].url(), 404, "");
    let outcome = deliver::<Opsgenie>(case, host);
    assert!(matches!(outcome, Ok(Outcome::Rejected(_))), "{outcome:?}");
    assert_eq!(Host::requests().len(), 2);
}
