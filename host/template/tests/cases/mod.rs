//! The files of templates and of what Go made of them.

use std::path::Path;

/// One template, or what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What stands in brackets behind the name.
    pub(crate) data: String,
    pub(crate) text: String,
}

pub(crate) fn file(folder: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder)
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Cuts a file into its cases: `== name [data]`, and the text up to the next one.
pub(crate) fn read(text: &str) -> Vec<Case> {
    let text = format!("\n{text}");
    let parts = text.split("\n== ").skip(1);
    let case = |part: &str| {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let (name, data) = head.trim_end_matches(']').rsplit_once(" [").unwrap();
        Case {
            name: name.to_owned(),
            data: data.to_owned(),
            text: body.strip_suffix('\n').unwrap_or(body).to_owned(),
        }
    };
    let mut cases: Vec<Case> = parts.clone().map(case).collect();
    // The line end before the next case is the separator's.
    let last = cases.len().saturating_sub(1);
    for (case, part) in cases.iter_mut().zip(parts).take(last) {
        case.text = part
            .split_once('\n')
            .map_or("", |(_, body)| body)
            .to_owned();
    }
    cases
}

pub(crate) fn cases(name: &str) -> Vec<Case> {
    read(&file("templates", name))
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_str(&file("templates", name)).unwrap()
}
