//! The URL of a target as somebody on another machine would write it.

use std::net::SocketAddr;

use crate::ExternalUrl;

/// The names by which a machine calls itself.
const LOCAL: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Replaces a local host by the one of the external URL; where the target is this server itself,
/// the scheme and the port too. Other URLs stay as they are.
pub(super) fn global_url(url: &str, listen_address: SocketAddr, external: &ExternalUrl) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority);
    if !LOCAL.contains(&host) {
        return url.to_owned();
    }
    if port == Some(listen_address.port().to_string().as_str()) {
        return format!("{}://{}{path}", external.scheme, external.host);
    }
    let (external_host, _) = split_port(&external.host);
    match port {
        Some(port) => format!("{scheme}://{external_host}:{port}{path}"),
        None => format!("{scheme}://{external_host}{path}"),
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_hosts_become_the_external_one() {
        let external = ExternalUrl {
            scheme: "https".into(),
            host: "prom.example:443".into(),
            path: String::new(),
        };
        let listen_address = "0.0.0.0:9090".parse().unwrap();
        for (url, expected) in [
            (
                "http://localhost:9090/metrics",
                "https://prom.example:443/metrics",
            ),
            (
                "http://127.0.0.1:9100/m?a=b",
                "http://prom.example:9100/m?a=b",
            ),
            ("http://[::1]:9100/m", "http://prom.example:9100/m"),
            ("http://localhost/m", "http://prom.example/m"),
            ("http://other:9090/m", "http://other:9090/m"),
            ("node", "node"),
        ] {
            assert_eq!(
                global_url(url, listen_address, &external),
                expected,
                "{url}"
            );
        }
    }
}
