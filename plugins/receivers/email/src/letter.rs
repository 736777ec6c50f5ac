//! The letter: headers, and the notification as text and as HTML.

use std::fmt::Write;

use narthex_integration::{Text, group_hash, rfc1123, rfc3339};
use narthex_sdk::{Error, Notification, clock};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Config;
use crate::encoding::{header_value, quoted_printable};

/// So many hexadecimal digits separate the parts of a letter.
const BOUNDARY_DIGITS: usize = 60;

/// So many name the thread of a group of alerts.
const THREAD_DIGITS: usize = 16;

/// Whether letters of a group belong together.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Threading {
    enabled: bool,
    /// `daily`, or `none`.
    thread_by_date: String,
}

/// Looks whether a header can have this name.
///
/// # Errors
/// It cannot.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    match !name.is_empty() && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(Error::Config(format!("headers: {name:?} is no name"))),
    }
}

/// The letter about a notification; its lines end in CR LF.
///
/// # Errors
/// A text is no template, or fails.
pub(crate) fn letter(config: &Config, notification: &Notification) -> Result<String, Error> {
    let mut letter = String::new();
    for (name, value) in &config.headers {
        header(&mut letter, name, &header_value(&value.expand()?));
    }
    let now_ms = i64::try_from(clock::now_ms()).unwrap_or_default();
    if let Some(thread) = thread(&config.threading, notification, now_ms) {
        header(&mut letter, "References", &thread);
        header(&mut letter, "In-Reply-To", &thread);
    }
    let parts = [
        part("text/plain", &config.text, Text::expand)?,
        part("text/html", &config.html, Text::expand_html)?,
    ];
    // What no other letter has: the time, the group and all that is in it.
    let digest = Sha256::new()
        .chain_update(now_ms.to_be_bytes())
        .chain_update(notification.group_key.as_bytes())
        .chain_update(
            parts
                .iter()
                .flatten()
                .flat_map(|part| part.bytes())
                .collect::<Vec<u8>>(),
        )
        .finalize();
    let digits = digest.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    let boundary = digits.get(..BOUNDARY_DIGITS).unwrap_or_default();
    let is_named = |name: &String| name.eq_ignore_ascii_case("Message-Id");
    if !config.headers.keys().any(is_named) {
        let host = match config.hello.as_str() {
            "" => "localhost",
            host => host,
        };
        let id = digits.get(..THREAD_DIGITS).unwrap_or_default();
        header(
            &mut letter,
            "Message-Id",
            &format!("<{now_ms}.{id}@{host}>"),
        );
    }
    header(&mut letter, "Date", &rfc1123(now_ms));
    let kind = format!("multipart/alternative;  boundary={boundary}");
    header(&mut letter, "Content-Type", &kind);
    header(&mut letter, "MIME-Version", "1.0");
    // What is liked best stands last.
    for part in parts.iter().flatten() {
        let _ = write!(letter, "\r\n--{boundary}\r\n{part}");
    }
    let _ = write!(letter, "\r\n--{boundary}--\r\n");
    Ok(letter)
}

fn header(letter: &mut String, name: &str, value: &str) {
    let _ = write!(letter, "{name}: {value}\r\n");
}

/// A part with its headers; none where the entry has no text for it.
fn part(
    kind: &str,
    text: &Text,
    expand: impl FnOnce(&Text) -> Result<String, Error>,
) -> Result<Option<String>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let body = quoted_printable(&expand(text)?);
    Ok(Some(format!(
        "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: {kind}; \
         charset=UTF-8\r\n\r\n{body}"
    )))
}

/// The letter that all of a thread answer; there is none of this name.
fn thread(threading: &Threading, notification: &Notification, now_ms: i64) -> Option<String> {
    let hash = group_hash(notification);
    let hash = hash.get(..THREAD_DIGITS).unwrap_or_default();
    let date = rfc3339(now_ms);
    let day = match threading.thread_by_date.as_str() {
        "none" => "",
        _ => date.split('T').next().unwrap_or_default(),
    };
    let thread = || format!("<alert-{hash}-{day}@alertmanager>");
    threading.enabled.then(thread)
}
