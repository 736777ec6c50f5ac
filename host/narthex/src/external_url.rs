//! `--web.external-url` and `--web.route-prefix`: where users reach the server.

use narthex_api::ExternalUrl;

/// Why a text is not an external URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} must be empty, or a URL of scheme http or https without user, query and fragment")]
pub(crate) struct ExternalUrlError(String);

/// Whether the flag can be taken.
pub(crate) fn check(text: &str) -> Result<(), ExternalUrlError> {
    resolve(text, "localhost:9090").map(drop)
}

/// The URL that the flag says; where it leaves out the host, `own_host` is taken.
pub(crate) fn resolve(text: &str, own_host: &str) -> Result<ExternalUrl, ExternalUrlError> {
    let error = || ExternalUrlError(text.to_owned());
    let (scheme, host, path) = if let Some((scheme, rest)) = text.split_once("://") {
        let at = rest.find('/').unwrap_or(rest.len());
        (scheme, &rest[..at], &rest[at..])
    } else if text.is_empty() || text.starts_with('/') {
        ("http", own_host, text)
    } else {
        return Err(error());
    };
    let has_bad_character = text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || "?#@\"'".contains(c));
    if !matches!(scheme, "http" | "https") || host.is_empty() || has_bad_character {
        return Err(error());
    }
    Ok(ExternalUrl {
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        path: prefix(path),
    })
}

/// A path as a prefix of routes: "" for the root, else with a slash in front and none behind.
pub(crate) fn prefix(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        inner => format!("/{inner}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_urls_resolve_or_are_refused() {
        for (text, expected) in [
            ("", Some(("http", "me:9090", ""))),
            ("/prometheus/", Some(("http", "me:9090", "/prometheus"))),
            ("https://p.example", Some(("https", "p.example", ""))),
            (
                "http://p.example:80/a/b/",
                Some(("http", "p.example:80", "/a/b")),
            ),
            ("p.example/a", None),
            ("ftp://p.example", None),
            ("http://", None),
            ("\"http://p.example\"", None),
            ("http://user@p.example", None),
            ("http://p.example/?q", None),
        ] {
            let expected = expected.map(|(scheme, host, path)| ExternalUrl {
                scheme: scheme.into(),
                host: host.into(),
                path: path.into(),
            });
            assert_eq!(resolve(text, "me:9090").ok(), expected, "{text}");
        }
    }
}
