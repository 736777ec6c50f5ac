//! URLs as Go prints them, because `scrapeUrl` and every error show them: a default port stays,
//! the path is escaped, parameters are sorted.

use std::collections::BTreeMap;

/// `scheme://address/path?query`
pub(crate) fn build(
    scheme: &str,
    address: &str,
    path: &str,
    params: &BTreeMap<String, Vec<String>>,
) -> String {
    let mut url = format!("{scheme}://{address}");
    if !path.is_empty() && !path.starts_with('/') {
        url.push('/');
    }
    escape(path, "-_.~$&+,/:;=@", &mut url);
    push_query(params, &mut url);
    url
}

/// `plugin+NAME://address?query`: what a plugin reads is not asked for over HTTP, and no path
/// reaches it.
pub(crate) fn of_plugin(
    plugin: &str,
    address: &str,
    params: &BTreeMap<String, Vec<String>>,
) -> String {
    let mut url = format!("plugin+{plugin}://");
    escape(address, "-_.~$&+,/:;=@[]", &mut url);
    push_query(params, &mut url);
    url
}

fn push_query(params: &BTreeMap<String, Vec<String>>, url: &mut String) {
    let pairs = params
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (index, (name, value)) in pairs.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        escape_query(name, url);
        url.push('=');
        escape_query(value, url);
    }
}

fn escape_query(text: &str, url: &mut String) {
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            url.push('+');
        }
        escape(word, "-_.~", url);
    }
}

fn escape(text: &str, kept: &str, url: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_print_as_go_prints_them() {
        for (address, path, params, expected) in [
            ("a:80", "/metrics", vec![], "http://a:80/metrics"),
            ("a", "", vec![], "http://a"),
            ("[::1]:9", "m", vec![], "http://[::1]:9/m"),
            ("a", "/m?x=ä", vec![], "http://a/m%3Fx=%C3%A4"),
            (
                "a",
                "/p",
                vec![("t", "http://x/ y"), ("m", "1"), ("t", "2")],
                "http://a/p?m=1&t=http%3A%2F%2Fx%2F+y&t=2",
            ),
        ] {
            let mut map = BTreeMap::<String, Vec<String>>::new();
            for (name, value) in params {
                map.entry(name.to_owned())
                    .or_default()
                    .push(value.to_owned());
            }
            assert_eq!(build("http", address, path, &map), expected);
        }
    }

    #[test]
    fn what_a_plugin_reads_has_a_url_of_its_own() {
        for (address, expected) in [
            ("a:80", "plugin+redis://a:80?m=1"),
            ("[::1]:9", "plugin+redis://[::1]:9?m=1"),
            ("/run/a b?.sock", "plugin+redis:///run/a%20b%3F.sock?m=1"),
        ] {
            let params = BTreeMap::from([("m".to_owned(), vec!["1".to_owned()])]);
            assert_eq!(of_plugin("redis", address, &params), expected);
        }
    }
}
