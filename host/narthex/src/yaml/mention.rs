//! Which field a message speaks of.
//!
//! What does not fit together is found by those who own a section, in Prometheus' words, and these
//! name the fields: so the place of a fault is the first field in the section that its message
//! names, and within that field the next. Where it names none, it is the value that it quotes.

use std::cmp::Reverse;

use super::Place;
use super::tree::{Field, Node, Value};

/// The pointer, from the node, of what the message speaks of, and its place: that of the node
/// itself where it speaks of nothing in it.
pub(super) fn find(node: &Node, message: &str) -> (String, Place) {
    let (mut pointer, mut place) = (String::new(), node.place);
    for field in named(node, message) {
        if field.value.is_pruned() {
            break;
        }
        let step = field.name.replace('~', "~0").replace('/', "~1");
        pointer.push_str(&format!("/{step}"));
        place = field.value.place;
    }
    if pointer.is_empty()
        && let Some(quoted) = message.split('"').nth(1).filter(|text| !text.is_empty())
        && let Some((at, value)) = scalar(node, quoted)
    {
        return (at, value.place);
    }
    (pointer, place)
}

/// The first scalar that is written like this, with its pointer.
fn scalar<'t>(node: &'t Node, text: &str) -> Option<(String, &'t Node)> {
    let within = |step: String, node: &'t Node| {
        let (at, found) = scalar(node, text)?;
        Some((format!("/{step}{at}"), found))
    };
    match &node.value {
        Value::Scalar(scalar) => (scalar.text == text).then(|| (String::new(), node)),
        Value::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(at, item)| within(at.to_string(), item))
        }
        Value::Map(fields) => fields.iter().find_map(|field| {
            let step = field.name.replace('~', "~0").replace('/', "~1");
            within(step, &field.value)
        }),
        Value::Pruned => None,
    }
}

/// Whether the message speaks of a field that is not there because it could not be read.
pub(super) fn is_of_pruned(node: &Node, message: &str) -> bool {
    let mut named = named(node, message).into_iter();
    named.any(|field| field.value.is_pruned())
}

/// The field that the message speaks of, the one in that, and so on.
fn named<'t>(node: &'t Node, message: &str) -> Vec<&'t Field> {
    let message = unquoted(message);
    let (mut found, mut rest) = (node, message.as_str());
    let mut path = Vec::new();
    while let Value::Map(fields) = &found.value {
        let named = fields.iter().filter_map(|field| {
            let name = normal(&field.name);
            let at = position(rest, &name)?;
            Some((at, Reverse(name.len()), field))
        });
        let Some((at, length, field)) = named.min_by_key(|(at, length, _)| (*at, *length)) else {
            break;
        };
        rest = rest.get(at + length.0..).unwrap_or_default();
        found = &field.value;
        path.push(field);
    }
    path
}

/// What stands in double quotes is a value of the user's, which may look like anything.
fn unquoted(message: &str) -> String {
    let mut parts = message.split('"').step_by(2);
    let first = parts.next().map(normal).unwrap_or_default();
    parts.fold(first, |text, part| text + " \" " + &normal(part))
}

fn normal(text: &str) -> String {
    text.to_lowercase().replace('_', " ")
}

/// Where a name begins as a word, or as the beginning of one: `targets`, `regexp`.
fn position(message: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let mut found = message.match_indices(name).map(|(at, _)| at);
    found.find(|at| {
        let before = message[..*at].chars().next_back();
        !before.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn the_place_of_a_fault_is_the_field_of_which_its_message_speaks() {
        let text = "job_name: params\nparams: {}\nscheme: ftp\nscrape_timeout: 5m\n\
                    basic_auth:\n  username: u\n  password: p\nregex: '('\n";
        let tree = Tree::parse(text).unwrap();
        for (message, expected) in [
            (
                "invalid scheme \"ftp\" for scrape config with job name \"params\"",
                "/scheme",
            ),
            (
                "found multiple scrape configs with job name \"params\"",
                "/job_name",
            ),
            (
                "scrape timeout greater than scrape interval",
                "/scrape_timeout",
            ),
            (
                "at most one of basic_auth password, password_file & x",
                "/basic_auth/password",
            ),
            ("error parsing regexp \"params\": x", "/regex"),
            ("\"ftp\" is not a valid hostname", "/scheme"),
            ("\"gone\" is not a valid hostname", ""),
            ("something else", ""),
        ] {
            assert_eq!(find(&tree.root, message).0, expected, "{message}");
        }
        assert_eq!(find(&tree.root, "invalid scheme").1, (3, 9));
    }
}
