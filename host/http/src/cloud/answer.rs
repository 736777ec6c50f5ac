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
    /// A number, or one as a text.
    expires_in: Value,
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

    /// The token that it has, and how long that lasts.
    ///
    /// # Errors
    /// It has none, and what it says instead.
    pub(crate) fn token(&self) -> Result<(Secret, Duration), String> {
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
        let seconds = match &answer.expires_in {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        };
        let lasts = seconds.map_or(UNTOLD_LIFETIME, Duration::from_secs);
        Ok((answer.access_token, lasts.min(LIFETIME_MAX)))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}
