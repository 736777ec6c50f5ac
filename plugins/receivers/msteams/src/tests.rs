use narthex_recorded::{cases, check, deliver};

use super::*;

/// The form that the service documents: Alertmanager 0.25 does not have it.
const DOCUMENTED: &str = include_str!("../tests/documented.json");

#[test]
fn what_is_sent_has_the_documented_form() {
    check::<MsTeams>(DOCUMENTED);
}

#[test]
fn the_url_is_told_to_nobody() {
    let case = &cases(DOCUMENTED)[0];
    let url = case.requests[0].url();
    for (status, expected) in [
        (202, "Ok(Outcome::Delivered)"),
        (
            400,
            "Ok(Outcome::Rejected(\"unexpected status code 400: <redacted>\"))",
        ),
        (
            429,
            "Ok(Outcome::Rejected(\"unexpected status code 429: <redacted>\"))",
        ),
        (
            503,
            "Err(Error::Unavailable(\"unexpected status code 503: <redacted>\"))",
        ),
    ] {
        let host = case.host().response(&url, status, url.as_str());
        let outcome = format!("{:?}", deliver::<MsTeams>(case, host));
        assert_eq!(outcome, expected, "{status}");
    }
}
