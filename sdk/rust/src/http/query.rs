//! Texts within URLs.

/// Names and values as the query of a URL, without its `?`.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter();
    let texts = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    texts.collect::<Vec<_>>().join("&")
}

/// A text within a URL: all but letters, digits and `-._~` becomes `%` and two hexadecimal digits.
pub fn encoded(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                url.push(char::from(byte));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_url_is_encoded() {
        for (text, expected) in [
            ("a-b.c_d~1", "a-b.c_d~1"),
            ("a b/c?d=e&f", "a%20b%2Fc%3Fd%3De%26f"),
            ("ä", "%C3%A4"),
            ("", ""),
        ] {
            assert_eq!(encoded(text), expected);
        }
        assert_eq!(query([("a", "1 2"), ("b", "")]), "a=1%202&b=");
        assert_eq!(query([]), "");
    }
}
