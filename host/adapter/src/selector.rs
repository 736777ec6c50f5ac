//! Selectors of labels as Kubernetes writes them, turned into matchers of PromQL.

/// One term of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) label: String,
    /// `=`, `!=`, `=~`, `!~`
    pub(crate) operator: &'static str,
    pub(crate) value: String,
}

/// The terms of a selector: `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
///
/// # Errors
/// It is no selector.
pub(crate) fn terms(selector: &str) -> Result<Vec<Term>, String> {
    let mut terms = Vec::new();
    for term in split(selector) {
        let term = term.trim();
        if term.is_empty() {
            continue;
        }
        terms.push(read(term).ok_or_else(|| format!("{term:?} is no term of a selector"))?);
    }
    Ok(terms)
}

/// A matcher of PromQL. The value is quoted.
pub(crate) fn matcher(label: &str, operator: &str, value: &str) -> String {
    format!("{label}{operator}\"{}\"", quoted(value))
}

/// A text as it stands between double quotes of PromQL.
pub(crate) fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    for letter in value.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            _ => quoted.push(letter),
        }
    }
    quoted
}

/// A matcher for one of several values.
pub(crate) fn one_of(label: &str, values: &[String]) -> String {
    match values {
        [one] => matcher(label, "=", one),
        several => matcher(label, "=~", &alternatives(several)),
    }
}

/// A regular expression for these texts and no other.
pub(crate) fn alternatives(values: &[String]) -> String {
    let escaped: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
    escaped.join("|")
}

/// At the commas outside of parentheses.
fn split(selector: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, letter) in selector.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&selector[start..]);
    parts
}

fn read(term: &str) -> Option<Term> {
    let made = |label: &str, operator, value: String| {
        let label = label.trim();
        narthex_model::is_classic_label_name(label).then(|| Term {
            label: label.to_owned(),
            operator,
            value,
        })
    };
    if let Some(values) = term.strip_suffix(')') {
        let (head, values) = values.split_once('(')?;
        let (label, word) = head.trim().rsplit_once(char::is_whitespace)?;
        let values: Vec<String> = values.split(',').map(|it| it.trim().to_owned()).collect();
        let operator = match word {
            "in" => "=~",
            "notin" => "!~",
            _ => return None,
        };
        return made(label, operator, alternatives(&values));
    }
    if let Some((label, value)) = term.split_once("!=") {
        return made(label, "!=", value.trim().to_owned());
    }
    if let Some((label, value)) = term.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        return made(label, "=", value.trim().to_owned());
    }
    match term.strip_prefix('!') {
        Some(label) => made(label, "=", String::new()),
        None => made(term, "!=", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_term_becomes_a_matcher() {
        for (selector, expected) in [
            ("", ""),
            ("a=b", r#"a="b""#),
            ("a==b, c!=d", r#"a="b",c!="d""#),
            ("a in (x, y.z),b", r#"a=~"x|y\\.z",b!="""#),
            ("a notin (x)", r#"a!~"x""#),
            ("!a", r#"a="""#),
            (r#"a=b"c\"#, r#"a="b\"c\\""#),
        ] {
            let terms = terms(selector).unwrap();
            let matchers: Vec<String> = terms
                .iter()
                .map(|term| matcher(&term.label, term.operator, &term.value))
                .collect();
            assert_eq!(matchers.join(","), expected, "{selector}");
        }
        for selector in ["a b=c", "a within (b)", "a-b=c", "}=x"] {
            assert!(terms(selector).is_err(), "{selector}");
        }
    }
}
