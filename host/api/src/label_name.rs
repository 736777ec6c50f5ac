//! Label names in a path, where those beyond the classic alphabet are written with escapes.

/// What marks an escaped name.
const MARK: &str = "U__";

/// The most digits that a code point takes in hexadecimal.
const HEX_DIGITS_MAX: usize = 6;

/// The name that `U__name` stands for (`UnescapeName` of prometheus/common with the values
/// scheme): `__` is an underscore and `_2e_` the character of that code point. A name without
/// the mark, or with a broken escape, is taken as it is.
pub(crate) fn unescape(name: &str) -> String {
    name.strip_prefix(MARK)
        .and_then(decode)
        .unwrap_or_else(|| name.to_owned())
}

fn decode(mut rest: &str) -> Option<String> {
    let mut name = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once('_') {
        name.push_str(before);
        let (code, after) = after.split_once('_')?;
        rest = after;
        if code.is_empty() {
            name.push('_');
            continue;
        }
        let is_code = code.len() <= HEX_DIGITS_MAX && code.bytes().all(|b| b.is_ascii_hexdigit());
        let code = is_code
            .then(|| u32::from_str_radix(code, 16).ok())
            .flatten();
        name.push(char::from_u32(code?)?);
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_the_characters_they_stand_for() {
        for (escaped, name) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U__label_20_with_20_ümlaut", "label with ümlaut"),
            ("U__smile_1f600_", "smile😀"),
            ("U__", ""),
            ("U__broken_zz_", "U__broken_zz_"),
            ("U__broken_2e", "U__broken_2e"),
            ("U__surrogate_d800_", "U__surrogate_d800_"),
            ("U__long_0000002e_", "U__long_0000002e_"),
        ] {
            assert_eq!(unescape(escaped), name, "{escaped}");
        }
    }
}
