//! Variables of the environment in `global.external_labels`.

use std::collections::BTreeMap;

/// Puts the variables in: `$NAME` and `${NAME}`, `$$` for a dollar. One that is not set is the
/// empty text, as in Prometheus.
pub(super) fn expand(
    labels: &mut BTreeMap<String, String>,
    variable: impl Fn(&str) -> Option<String>,
) {
    for (label, value) in labels.iter_mut().filter(|(_, value)| value.contains('$')) {
        *value = expand_text(value, |name| {
            variable(name).unwrap_or_else(|| {
                tracing::warn!(label, variable = name, "an environment variable is not set");
                String::new()
            })
        });
    }
}

fn expand_text(mut rest: &str, variable: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = after
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'))
        {
            out.push_str(&variable(name));
            rest = after;
        } else {
            let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
            let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
            match end {
                0 => out.push('$'),
                _ => out.push_str(&variable(&after[..end])),
            }
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A", "1"),
            ("x-${A}-y", "x-1-y"),
            ("$A$B/", "1/"),
            ("$$A", "$A"),
            ("5$", "5$"),
            ("${unclosed", "${unclosed"),
            ("$ä", "$ä"),
        ] {
            let mut labels = BTreeMap::from([("l".to_owned(), text.to_owned())]);
            expand(&mut labels, |name| (name == "A").then(|| "1".to_owned()));
            assert_eq!(labels["l"], expected, "{text}");
        }
    }
}
