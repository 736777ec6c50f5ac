//! A service that is spoken to over HTTP: what its answers mean, and what errors must not tell.

use narthex_sdk::http::{self, Request, Response};
use narthex_sdk::{Error, Outcome, log};
use serde::Serialize;

/// Of an answer that refuses a notification so many bytes are told, as of webhooks.
const SAID_BYTES_MAX: usize = 1024;

/// Stands where a secret was, as in Alertmanager.
const REDACTED: &str = "<redacted>";

/// A hidden text of fewer characters is hidden where it stands alone, and not within words: with a
/// secret `e` an error could not be read, and would tell the secret by what is missing.
const CHARS_MIN: usize = 4;

/// The other side of a receiver. A status of the two hundreds is a delivery; one of the five
/// hundreds and what `retried` names is tried again; any other refuses the notification for good.
#[derive(Debug, Clone, Copy, Default)]
pub struct Service<'a> {
    /// More statuses than the five hundreds that ask to be tried again.
    pub retried: &'a [u16],
    /// Texts that no error and no log line tells: secrets, URLs with one.
    pub hidden: &'a [&'a str],
}

/// A value as the JSON of a body.
///
/// # Errors
/// It is none.
pub fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Internal(format!("no JSON: {error}")))
}

impl Service<'_> {
    /// Sends a request and says what became of the notification.
    ///
    /// # Errors
    /// There was no answer, or it asks to be tried again.
    pub fn deliver(&self, request: &Request<'_>) -> Result<Outcome, Error> {
        let response = self.send(request)?;
        self.outcome(&response)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// There was no answer.
    pub fn send(&self, request: &Request<'_>) -> Result<Response, Error> {
        http::send(request).map_err(|error| match error {
            Error::Config(text) => Error::Config(self.hide(&text)),
            Error::Unavailable(text) => Error::Unavailable(self.hide(&text)),
            Error::Denied(text) => Error::Denied(self.hide(&text)),
            Error::Protocol(text) => Error::Protocol(self.hide(&text)),
            Error::Internal(text) => Error::Internal(self.hide(&text)),
            Error::Timeout => Error::Timeout,
        })
    }

    /// What an answer means, told with the beginning of its body.
    ///
    /// # Errors
    /// It asks to be tried again, and does not say when.
    pub fn outcome(&self, response: &Response) -> Result<Outcome, Error> {
        let end = response.body.len().min(SAID_BYTES_MAX);
        let said = String::from_utf8_lossy(response.body.get(..end).unwrap_or_default());
        self.outcome_with(response, said.trim())
    }

    /// What an answer means, told with what it says.
    ///
    /// # Errors
    /// As [`Self::outcome`].
    pub fn outcome_with(&self, response: &Response, said: &str) -> Result<Outcome, Error> {
        let status = response.status;
        if (200..300).contains(&status) {
            return Ok(Outcome::Delivered);
        }
        let colon = if said.is_empty() { "" } else { ": " };
        let reason = self.hide(&format!("unexpected status code {status}{colon}{said}"));
        if !(500..600).contains(&status) && !self.retried.contains(&status) {
            return Ok(Outcome::Rejected(reason));
        }
        let after = response.header("Retry-After");
        retry(
            reason,
            after.and_then(|seconds| seconds.trim().parse().ok()),
        )
    }

    /// A failure that an answer tells in words of its own, to be tried again.
    ///
    /// # Errors
    /// The reason, where the service does not say when.
    pub fn failure(&self, reason: &str, after: Option<u32>) -> Result<Outcome, Error> {
        retry(self.hide(reason), after)
    }

    /// The text without what it must not tell.
    pub fn hide(&self, text: &str) -> String {
        let hidden = self.hidden.iter().filter(|hidden| !hidden.is_empty());
        hidden.fold(text.to_owned(), |text, hidden| {
            match hidden.chars().count() < CHARS_MIN {
                true => hide_alone(&text, hidden),
                false => text.replace(hidden, REDACTED),
            }
        })
    }
}

/// The text without another where no letter or digit is beside it.
fn hide_alone(text: &str, hidden: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in text.match_indices(hidden) {
        let end = at + found.len();
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        if [before, after]
            .into_iter()
            .flatten()
            .any(char::is_alphanumeric)
        {
            continue;
        }
        shown.push_str(text.get(from..at).unwrap_or_default());
        shown.push_str(REDACTED);
        from = end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

/// To be tried again, after so many seconds where the service says when. An outcome with a time has
/// no place for the reason, which is logged then.
fn retry(reason: String, after: Option<u32>) -> Result<Outcome, Error> {
    match after {
        None => Err(Error::Unavailable(reason)),
        Some(seconds) => {
            let after = seconds.to_string();
            log::warn(
                "the service asks to wait",
                &[("reason", &reason), ("seconds", &after)],
            );
            Ok(Outcome::Retry(Some(seconds)))
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_sdk::fake::Host;

    use super::*;

    const URL: &str = "http://service/hook/s3cret";

    fn deliver(status: u16, after: Option<&str>, retried: &[u16]) -> String {
        let headers = after.map(|after| ("Retry-After".to_owned(), after.to_owned()));
        let response = Response {
            status,
            headers: headers.into_iter().collect(),
            body: format!(" no, {URL} \n").into_bytes(),
        };
        Host::new().respond(URL, response).install();
        let service = Service {
            retried,
            hidden: &[URL, ""],
        };
        let shown = format!(
            "{:?}",
            service.deliver(&http::post(URL, "text/plain", Vec::new()))
        );
        assert!(!format!("{shown} {:?}", Host::logged()).contains("s3cret"));
        shown
    }

    #[test]
    fn a_status_decides_what_becomes_of_the_notification() {
        for (status, after, retried, expected) in [
            (200, None, [429], "Ok(Outcome::Delivered)"),
            (204, Some("1"), [429], "Ok(Outcome::Delivered)"),
            (
                404,
                Some("1"),
                [429],
                "Ok(Outcome::Rejected(\"unexpected status code 404: no, <redacted>\"))",
            ),
            (
                429,
                None,
                [429],
                "Err(Error::Unavailable(\"unexpected status code 429: no, <redacted>\"))",
            ),
            (429, Some("30"), [429], "Ok(Outcome::Retry(Some(30)))"),
            (
                429,
                Some("30"),
                [403],
                "Ok(Outcome::Rejected(\"unexpected status code 429: no, <redacted>\"))",
            ),
            (
                503,
                Some("tomorrow"),
                [403],
                "Err(Error::Unavailable(\"unexpected status code 503: no, <redacted>\"))",
            ),
            (
                302,
                None,
                [403],
                "Ok(Outcome::Rejected(\"unexpected status code 302: no, <redacted>\"))",
            ),
        ] {
            assert_eq!(deliver(status, after, &retried), expected, "{status}");
        }
    }

    #[test]
    fn an_error_does_not_tell_the_url() {
        Host::new().install();
        let service = Service {
            hidden: &[URL],
            ..Service::default()
        };
        let error = service
            .deliver(&http::post(URL, "text/plain", Vec::new()))
            .unwrap_err();
        assert_eq!(error.message(), "<redacted> is not there");
    }

    #[test]
    fn a_small_secret_leaves_an_error_readable() {
        for (hidden, text, expected) in [
            ("e", "the key e is wrong", "the key <redacted> is wrong"),
            ("e", "e", "<redacted>"),
            (
                "12",
                "code 512: \"12\", key=12",
                "code 512: \"<redacted>\", key=<redacted>",
            ),
            ("é1", "é1é1 is not é1.", "é1é1 is not <redacted>."),
            ("", "nothing", "nothing"),
            ("abcd", "xabcdx", "x<redacted>x"),
        ] {
            let hidden = [hidden];
            let service = Service {
                hidden: &hidden,
                ..Service::default()
            };
            assert_eq!(service.hide(text), expected);
        }
    }
}
