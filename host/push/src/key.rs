//! The labels that tell one group from another, as the path of a request spells them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use narthex_model::is_classic_label_name;

/// The labels of a group, `job` among them.
pub type GroupingKey = BTreeMap<String, String>;

/// What follows a name whose value is written in base64.
const BASE64: &str = "@base64";

/// Why a path names no group, in the Pushgateway's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no `job`, or it is empty.
    #[error("job name is required")]
    NoJob,
    /// The value of `job` is no base64.
    #[error("invalid base64 encoding in job name {0:?}")]
    JobEncoding(String),
    /// A name without a value.
    #[error("odd number of components in label string {0:?}")]
    Odd(String),
    /// A name that no label has, or that is reserved.
    #[error("improper label name {0:?}")]
    Name(String),
    /// A value is no base64.
    #[error("invalid base64 encoding for label {name}={value:?}")]
    Encoding {
        /// The name.
        name: String,
        /// The value as it was sent.
        value: String,
    },
}

/// Reads what follows `/metrics/` in a path, percents resolved: `job/<job>{/<name>/<value>}`.
///
/// # Errors
/// It names no group.
pub fn parse(path: &str) -> Result<GroupingKey, KeyError> {
    let mut parts = path.split('/');
    let job = match (parts.next(), parts.next()) {
        (Some("job"), Some(job)) => job.to_owned(),
        (Some(name), Some(job)) if name.strip_suffix(BASE64) == Some("job") => {
            decode(job).ok_or_else(|| KeyError::JobEncoding(job.to_owned()))?
        }
        _ => return Err(KeyError::NoJob),
    };
    let rest: Vec<&str> = parts.collect();
    let mut key = GroupingKey::new();
    // A slash at the end of the path is none.
    if rest != [""] {
        let (pairs, odd) = rest.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(KeyError::Odd(format!("/{}", rest.join("/"))));
        }
        for [name, value] in pairs {
            let plain = name.strip_suffix(BASE64);
            let label = plain.unwrap_or(name);
            if !is_classic_label_name(label) || label.starts_with("__") {
                return Err(KeyError::Name(label.to_owned()));
            }
            let read = match plain {
                None => Some((*value).to_owned()),
                Some(_) => decode(value),
            };
            let read = read.ok_or_else(|| KeyError::Encoding {
                name: label.to_owned(),
                value: (*value).to_owned(),
            })?;
            key.insert(label.to_owned(), read);
        }
    }
    if job.is_empty() {
        return Err(KeyError::NoJob);
    }
    key.insert("job".to_owned(), job);
    Ok(key)
}

/// Base64 with the alphabet for URLs; padding may be there or not.
fn decode(text: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_groups_as_for_the_pushgateway() {
        for (path, expected) in [
            ("job/a", Ok("job=a")),
            ("job/a/", Ok("job=a")),
            ("job/a/x/1/y/2", Ok("job=a,x=1,y=2")),
            ("job/a/x/", Ok("job=a,x=")),
            ("job/a/job/b", Ok("job=a")),
            ("job/a/x/1/x/2", Ok("job=a,x=2")),
            ("job@base64/YWIv/l@base64/Yi9j", Ok("job=ab/,l=b/c")),
            ("job@base64/YQ==/l@base64/=", Ok("job=a,l=")),
            ("job/ü", Ok("job=ü")),
            ("job/", Err("job name is required")),
            ("job", Err("job name is required")),
            ("jobs/a", Err("job name is required")),
            ("job@base64/=", Err("job name is required")),
            (
                "job@base64/a",
                Err("invalid base64 encoding in job name \"a\""),
            ),
            (
                "job/q/odd",
                Err("odd number of components in label string \"/odd\""),
            ),
            ("job/q/__l/v", Err("improper label name \"__l\"")),
            ("job/q/5l/v", Err("improper label name \"5l\"")),
            (
                "job/q/l@base64/a",
                Err("invalid base64 encoding for label l=\"a\""),
            ),
        ] {
            let found = parse(path).map(|key| {
                let pairs: Vec<String> = key.iter().map(|(n, v)| format!("{n}={v}")).collect();
                pairs.join(",")
            });
            let found = found.map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{path}");
        }
    }
}
