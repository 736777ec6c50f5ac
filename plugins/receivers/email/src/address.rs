//! Addresses of letters, as RFC 5322 writes lists of them.
//!
//! It is not: groups of addresses, which nobody sends to.

use narthex_sdk::Error;

/// The addresses of a list, without the names that stand beside them. At least one.
///
/// # Errors
/// It is no such list.
pub(crate) fn addresses(field: &str, list: &str) -> Result<Vec<String>, Error> {
    let fault = |part: &str| Error::Config(format!("{field}: {part:?} is no address"));
    let parts = split(list).ok_or_else(|| fault(list))?;
    let addresses = parts.iter().map(|part| {
        let bare = match (part.bare.find('<'), part.bare.strip_suffix('>')) {
            (Some(at), Some(inner)) => inner.get(at + 1..).unwrap_or_default(),
            (None, None) => part.bare.as_str(),
            _ => "",
        };
        let is_one = !part.has_quotes_inside && is_address(bare);
        is_one
            .then(|| bare.to_owned())
            .ok_or_else(|| fault(&part.bare))
    });
    addresses.collect()
}

/// One of the list, without its quoted names and comments.
#[derive(Default)]
struct Part {
    bare: String,
    /// Quotes within an address are more than anybody has.
    has_quotes_inside: bool,
}

/// The parts between commas; none where a quote or a comment does not end.
fn split(list: &str) -> Option<Vec<Part>> {
    let (mut parts, mut part) = (Vec::new(), Part::default());
    let mut characters = list.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                part.has_quotes_inside |= part.bare.contains('<');
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => {
                            characters.next()?;
                        }
                        _ => {}
                    }
                }
            }
            '(' => while characters.next()? != ')' {},
            ',' => parts.push(std::mem::take(&mut part)),
            other => part.bare.push(other),
        }
    }
    parts.push(part);
    for part in &mut parts {
        part.bare = part.bare.trim().to_owned();
    }
    Some(parts)
}

/// A name and a domain, and nothing that could end the command that they stand in.
fn is_address(text: &str) -> bool {
    let is_plain = |character: char| {
        !character.is_whitespace() && !character.is_control() && !"<>,;:\"\\()".contains(character)
    };
    match text.rsplit_once('@') {
        Some((name, domain)) => {
            !name.is_empty()
                && !name.contains('@')
                && !domain.is_empty()
                && text.chars().all(is_plain)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_addresses_with_and_without_names() {
        for (list, expected) in [
            ("a@b", &["a@b"][..]),
            (" a@b , c@d.e ", &["a@b", "c@d.e"]),
            ("Team <a@b>", &["a@b"]),
            (
                "\"Last, First \\\" x\" <a@b>, (one, two) c@d",
                &["a@b", "c@d"],
            ),
            ("<a+x@b>", &["a+x@b"]),
        ] {
            assert_eq!(addresses("to", list).unwrap(), expected, "{list}");
        }
    }

    #[test]
    fn what_could_end_a_command_is_no_address() {
        for list in [
            "",
            "a",
            "@b",
            "a@",
            "a@b,",
            "a b@c",
            "a@b@c",
            "<a@b",
            "a@b>",
            "\"a@b",
            "(a@b",
            "<a@b> x",
            "<\"a\"@b>",
            "a@b\r\nDATA",
            "<a@b\r\nRCPT TO:<c@d>",
        ] {
            assert!(
                matches!(addresses("to", list), Err(Error::Config(_))),
                "{list:?}"
            );
        }
    }
}
