//! Headers that a configuration may not set, because the client or another field does.

/// In lower case; Prometheus' list.
const RESERVED_HEADERS: [&str; 18] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    SCRAPE_TIMEOUT,
    // What signing for a cloud adds.
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Scrapes alone have it, so requests to other servers may.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// Whether `http_headers` may not have this header, whatever its case.
pub(crate) fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Why `headers` of `remote_write` or `remote_read` may not have this header, in Prometheus' words;
/// nothing where it may. `instead` lists the fields that say who asks: `basic_auth or oauth2`.
pub fn remote_header_fault(name: &str, instead: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if lower == "authorization" {
        return Some(format!(
            "authorization header must be changed via the {instead} parameter"
        ));
    }
    let is_reserved = is_reserved_header(&lower) && lower != SCRAPE_TIMEOUT;
    is_reserved.then(|| format!("{name} is a reserved header. It must not be changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_others_set_are_reserved() {
        for (name, here, remote) in [
            ("X-Tenant", false, false),
            ("Host", true, true),
            ("KEEP-ALIVE", true, true),
            ("X-Amz-Content-Sha256", true, true),
            ("X-Prometheus-Scrape-Timeout-Seconds", true, false),
            ("Authorization", true, true),
        ] {
            assert_eq!(is_reserved_header(name), here, "{name}");
            let fault = remote_header_fault(name, "basic_auth");
            assert_eq!(fault.is_some(), remote, "{name}");
        }
        let fault = remote_header_fault("authorization", "a, or b").unwrap();
        assert_eq!(
            fault,
            "authorization header must be changed via the a, or b parameter"
        );
    }
}
