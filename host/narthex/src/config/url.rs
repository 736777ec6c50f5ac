//! Whether a text is a URL to Go, which takes nearly everything.

/// What is wrong with it, in Go's words; `None` where nothing is.
pub(super) fn fault(url: &str) -> Option<String> {
    if url.chars().any(|c| c.is_ascii_control()) {
        return Some("invalid control character in URL".to_owned());
    }
    let url = url.split('#').next().unwrap_or_default();
    let (has_scheme, rest) = match scheme(url) {
        Some(Ok(rest)) => (true, rest),
        Some(Err(fault)) => return Some(fault),
        None => (false, url),
    };
    let path = rest.split('?').next().unwrap_or_default();
    if !path.starts_with('/') {
        let first = path.split('/').next().unwrap_or_default();
        return match !has_scheme && first.contains(':') {
            true => Some("first path segment in URL cannot contain colon".to_owned()),
            false => None,
        };
    }
    let Some(behind) = path.strip_prefix("//") else {
        return escape_fault(path);
    };
    let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    host_fault(host).or_else(|| escape_fault(path))
}

/// What is behind the scheme; `None` where there is none.
fn scheme(url: &str) -> Option<Result<&str, String>> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme.is_empty() {
        return Some(Err("missing protocol scheme".to_owned()));
    }
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some(Ok(rest))
}

fn host_fault(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(inside) => match inside.split_once(']') {
            Some((name, port)) => (name, port),
            None => return Some("missing ']' in host".to_owned()),
        },
        None => host.split_at(host.rfind(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    if !is_port {
        return Some(format!("invalid port {port:?} after host"));
    }
    let wrong = name.chars().find(|c| {
        let is_host = c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(*c);
        !is_host && c.is_ascii()
    });
    wrong.map(|c| format!("invalid character {c:?} in host name"))
}

fn escape_fault(path: &str) -> Option<String> {
    let mut escapes = path.match_indices('%').map(|(at, _)| &path[at..]);
    let wrong = escapes.find(|rest| {
        let digits = rest.get(1..3).unwrap_or_default();
        digits.len() < 2 || !digits.bytes().all(|b| b.is_ascii_hexdigit())
    })?;
    let shown: String = wrong.chars().take(3).collect();
    Some(format!("invalid URL escape {shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_what_go_takes_for_one() {
        for (url, expected) in [
            ("http://a.example/write", None),
            ("https://u:p@a.example:9090/a?b=c#d", None),
            ("http://[::1]:80/", None),
            ("a.example:9090", None),
            ("", None),
            ("/path", None),
            ("://a", Some("missing protocol scheme")),
            ("1a:9090/x", Some("first path segment")),
            ("http://a:port/", Some("invalid port \":port\" after host")),
            ("http://a b/", Some("invalid character ' ' in host name")),
            ("http://a/%zz", Some("invalid URL escape \"%zz\"")),
            ("http://a/\n", Some("control character")),
            ("http://[::1/", Some("missing ']'")),
        ] {
            let found = fault(url);
            match expected {
                None => assert_eq!(found, None, "{url}"),
                Some(part) => assert!(found.is_some_and(|f| f.contains(part)), "{url}"),
            }
        }
    }
}
