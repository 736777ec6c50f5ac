//! Texts of a request that stand for something in a job's `plugin_config`: `${config.NAME}`.

use serde_json::Value;

/// What a template of the configuration begins with.
const START: &str = "${config.";

/// So many texts one template may become; those beyond are left out, which grants less.
pub const EXPANSIONS_MAX: usize = 1000;

/// Whether a text names something in the configuration.
pub fn names_config(text: &str) -> bool {
    text.contains(START)
}

/// The texts that a template stands for: one for each value that the configuration has there. A
/// field may be a text, a number, or a list of them; a name with dots leads into sections, and
/// through lists of sections. A field that is not there stands for nothing.
pub fn expand(text: &str, config: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    expand_into(String::new(), text, config, &mut texts);
    texts
}

fn expand_into(before: String, rest: &str, config: &Value, texts: &mut Vec<String>) {
    let template = rest.split_once(START).and_then(|(plain, after)| {
        let (path, after) = after.split_once('}')?;
        Some((plain, path, after))
    });
    let Some((plain, path, after)) = template else {
        if texts.len() < EXPANSIONS_MAX {
            texts.push(before + rest);
        }
        return;
    };
    for value in values(config, path) {
        if texts.len() >= EXPANSIONS_MAX {
            return;
        }
        // What the configuration says is a value and never a template.
        expand_into(format!("{before}{plain}{value}"), after, config, texts);
    }
}

/// Checks that a template is whole.
///
/// # Errors
/// It begins and does not end, or names nothing.
pub fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(START) {
        let path = after.split_once('}');
        let (path, after) = path.ok_or_else(|| format!("{text:?} has no `}}`"))?;
        if path.split('.').any(str::is_empty) {
            return Err(format!("{text:?} names nothing in the configuration"));
        }
        rest = after;
    }
    Ok(())
}

fn values(value: &Value, path: &str) -> Vec<String> {
    let mut found = vec![value];
    for name in path.split('.') {
        let below = found.iter().flat_map(|value| items(value));
        found = below.filter_map(|value| value.get(name)).collect();
    }
    let texts = found.iter().flat_map(|value| items(value));
    texts
        .filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect()
}

/// A list's items; anything else is its own.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_become_what_the_configuration_says() {
        let config = serde_json::json!({
            "api": "http://a:1/x",
            "hosts": ["a", "b"],
            "port": 7,
            "modules": [{"tls": "one"}, {"tls": ["two", "three"]}, {}],
            "trick": "${config.api}",
            "deep": {"name": "d"},
            "flag": true,
        });
        for (text, expected) in [
            ("plain:1", &["plain:1"][..]),
            ("${config.api}", &["http://a:1/x"]),
            ("${config.hosts}:${config.port}", &["a:7", "b:7"]),
            ("${config.modules.tls}", &["one", "two", "three"]),
            ("${config.deep.name}", &["d"]),
            ("${config.trick}", &["${config.api}"]),
            ("${config.missing}", &[]),
            ("${config.missing}:1", &[]),
            ("${config.flag}", &[]),
            ("${config.deep}", &[]),
            ("${target.host}:${config.port}", &["${target.host}:7"]),
        ] {
            assert_eq!(expand(text, &config), expected, "{text}");
        }
    }

    #[test]
    fn templates_that_are_none_are_named() {
        for text in ["${config.a", "${config.}", "${config.a..b}"] {
            let error = check(text).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        check("${config.a}:${config.b.c}").unwrap();
    }

    #[test]
    fn a_template_becomes_so_many_texts_and_no_more() {
        let many: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let config = serde_json::json!({"a": many});
        assert_eq!(
            expand("${config.a}${config.a}", &config).len(),
            EXPANSIONS_MAX
        );
    }
}
