//! What those who hand out credentials say.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::Secret;

/// So much of what the other side says of an error is shown.
const SHOWN_CHARS_MAX: usize = 300;

/// A token that says nothing of its end lasts so long: shorter than any that clouds hand out.
const UNTOLD_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// A token that is said to last longer than this lasts this long.
const LIFETIME_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// What is said in JSON where a token was asked for (RFC 6749, 5).
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenAnswer {
    access_token: Secret,
    /// Seconds: a number, or one as a text.
    expires_in: Value,
    /// Seconds since the Unix epoch: what services of Azure say that give their identity to what runs
    /// in them, some of them instead of how long it lasts. A number as well, or one as a text.
    expires_on: Value,
    error: Value,
    error_description: String,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The status, and the begin of what an answer that refuses says.
    pub(crate) fn refusal(&self) -> String {
        let text = self.text();
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.is_empty() {
            true => self.status.to_string(),
            false => format!("{}: {}", self.status, shown(&words.join(" "))),
        }
    }

    /// The token that it has, and how long that lasts from `now_ms` on, which is milliseconds since
    /// the Unix epoch.
    ///
    /// # Errors
    /// It has none, and what it says instead.
    pub(crate) fn token(&self, now_ms: i64) -> Result<(Secret, Duration), String> {
        let answer: TokenAnswer = serde_json::from_slice(&self.body).unwrap_or_default();
        if let Some(error) = answer.error.as_str() {
            let said = format!("{error:?} {:?}", answer.error_description);
            return Err(shown(&said));
        }
        if !self.status.is_success() {
            return Err(self.refusal());
        }
        if answer.access_token.is_empty() {
            return Err("the answer has no access_token".to_owned());
        }
        let now_s = u64::try_from(now_ms / 1_000).unwrap_or_default();
        let until = || Some(seconds(&answer.expires_on)?.saturating_sub(now_s));
        let lasts = seconds(&answer.expires_in).or_else(until);
        let lasts = lasts.map_or(UNTOLD_LIFETIME, Duration::from_secs);
        Ok((answer.access_token, lasts.min(LIFETIME_MAX)))
    }
}

/// Seconds as a number, or as a text that is one.
fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lasts_for_so_long_or_until_then_as_a_number_or_a_text() {
        for (said, expected_s) in [
            (r#""expires_in": 3599"#, 3_599),
            (r#""expires_in": "3599", "expires_on": "9""#, 3_599),
            (r#""expires_on": 1700003600"#, 3_600),
            (r#""expires_on": "1700003600""#, 3_600),
            (r#""expires_in": "", "expires_on": "1700003600""#, 3_600),
            (r#""expires_on": 1699999999"#, 0),
            (r#""expires_on": "09/14/2017 00:00:00 PM +00:00""#, 300),
            (r#""token_type": "Bearer""#, 300),
            (r#""expires_on": 18446744073709551615"#, 366 * 24 * 3_600),
        ] {
            let body = format!(r#"{{"access_token": "eyJ0", {said}}}"#);
            let answer = Answer {
                status: StatusCode::OK,
                body: body.into(),
            };
            let (token, lasts) = answer.token(1_700_000_000_999).unwrap();
            assert_eq!(token.expose(), "eyJ0");
            assert_eq!(lasts, Duration::from_secs(expected_s), "{said}");
        }
    }
}
