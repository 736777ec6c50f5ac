//! A URL where others may see it: without the password that may stand in it.
//!
//! It is not: for what else a URL may hold, such as a key among its parameters.

use reqwest::Url;
use serde::Serializer;

/// A URL as metrics, logs and the printed config have it: `xxxxx` in the place of its password, as
/// Go's `URL.Redacted` has it. What has no password stays as it is.
pub fn shown_url(url: &str) -> String {
    with_password(url, "xxxxx")
}

/// The same for serde's `serialize_with`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_shown_url<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown_url(url))
}

/// A URL with something else in the place of its password, where it has one.
pub(crate) fn with_password(url: &str, password: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Fails only for URLs that cannot have a password.
            let _ = parsed.set_password(Some(password));
            parsed.to_string()
        }
        Ok(_) => url.to_owned(),
        // A config takes what Go reads as a URL, such as one with a port that there cannot be.
        Err(_) => hidden(url, password).unwrap_or_else(|| url.to_owned()),
    }
}

/// What is no URL, with all that may be a password in it replaced; `None` where nothing may.
fn hidden(url: &str, password: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (user, host) = rest.rsplit_once('@')?;
    let (name, _) = user.split_once(':')?;
    Some(format!("{scheme}://{name}:{password}@{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (url, shown) in [
            ("http://u:hunter2@h:1/w?x=1", "http://u:xxxxx@h:1/w?x=1"),
            ("http://:hunter2@h/", "http://:xxxxx@h/"),
            ("http://u@h", "http://u@h"),
            ("http://u:hunter2@h:99999/w", "http://u:xxxxx@h:99999/w"),
            ("http://u:hun/t#er@2@h/w", "http://u:xxxxx@h/w"),
            ("http://h:99999/w", "http://h:99999/w"),
            ("http://h:80/w", "http://h:80/w"),
            ("no url", "no url"),
            ("", ""),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
