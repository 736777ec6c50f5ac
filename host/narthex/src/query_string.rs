//! Query strings and the bodies of forms, which are written alike.

/// The pairs, each as `name=value`.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

/// A value as it stands in a query string.
pub(crate) fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_field() {
        assert_eq!(encoded("a=~\"b&c|é\""), "a%3D~%22b%26c%7C%C3%A9%22");
        assert_eq!(encoded("A-z_0.9~"), "A-z_0.9~");
        assert_eq!(form(&[("match[]", "up"), ("a", "")]), "match%5B%5D=up&a=");
        assert_eq!(form(&[]), "");
    }
}
