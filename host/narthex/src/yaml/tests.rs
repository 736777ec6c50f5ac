use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Content {
    jobs: Vec<Job>,
    labels: BTreeMap<String, String>,
    free: Option<serde_json::Value>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Job {
    name: String,
    flag: bool,
    count: u64,
    static_configs: Vec<String>,
}

fn parsed(text: &str) -> Result<Content, String> {
    read::<Content>(text, "x.yml").map_err(|error| error.to_string())
}

#[test]
fn documents_are_read_as_go_reads_them() {
    let jobs = |text: &str| -> Vec<(String, bool, u64)> {
        let jobs = parsed(text).unwrap().jobs.into_iter();
        jobs.map(|job| (job.name, job.flag, job.count)).collect()
    };
    for (text, expected) in [
        ("", vec![]),
        ("# nothing\n", vec![]),
        ("jobs:\n", vec![]),
        (
            "jobs:\n- {name: a, flag: yes}\n- {name: b, flag: off}\n",
            vec![("a", true, 0), ("b", false, 0)],
        ),
        (
            "jobs:\n- &base {name: a, flag: on, count: 3}\n- <<: *base\n  name: b\n",
            vec![("a", true, 3), ("b", true, 3)],
        ),
        ("jobs:\n- name: null\n", vec![("", false, 0)]),
        ("jobs:\n- name: 1.10\n", vec![("1.10", false, 0)]),
        // What is null is as good as nothing, and only the first document is read.
        (
            "jobs:\n- name: a\n  count:\n  flag: ~\n",
            vec![("a", false, 0)],
        ),
        (
            "jobs: [{name: a, count: 3.0}]\n---\njobs: [",
            vec![("a", false, 3)],
        ),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, flag, count)| (name.to_owned(), flag, count))
            .collect();
        assert_eq!(jobs(text), expected, "{text}");
    }
}

#[test]
fn texts_in_maps_are_texts_whatever_they_look_like() {
    let document = parsed("labels: {a: null, b: 1, c: 1.10, d: yes, e: '', f: ~, g: \"null\"}\n");
    let labels = document.unwrap().labels;
    let found: Vec<_> = labels
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let expected = [
        ("a", ""),
        ("b", "1"),
        ("c", "1.10"),
        ("d", "yes"),
        ("e", ""),
        ("f", ""),
        ("g", "null"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn free_values_keep_their_types() {
    let document = parsed("free: {a: 1, b: x, c: [true, null], d: 1.5, e: {f: ''}}\n").unwrap();
    let expected =
        serde_json::json!({"a": 1, "b": "x", "c": [true, null], "d": 1.5, "e": {"f": ""}});
    assert_eq!(document.free, Some(expected));
}

#[test]
fn a_fault_has_its_file_line_column_and_lines() {
    for (text, expected) in [
        (
            "jobs:\n- name: a\n  flg: yes\n",
            "x.yml:3:3: unknown field `flg`\n\
             1 | jobs:\n2 | - name: a\n3 |   flg: yes\n  |   ^\n\
             \x20 in jobs[0].flg\n  hint: did you mean `flag`?",
        ),
        (
            "jobs:\n- count: x\n",
            "x.yml:2:10: expected a whole number that is not negative, got the text \"x\"",
        ),
        (
            "jobs:\n- count: '7'\n",
            "x.yml:2:10: expected a whole number",
        ),
        ("jobs: 3\n", "x.yml:1:7: expected a list, got 3"),
        ("jobs: [null]\n", "x.yml:1:8: empty or null section"),
        (
            "labels: {a: 1, a: 2}\n",
            "x.yml:1:16: field \"a\" is there already, in line 1",
        ),
        (
            "labels: {[a]: 1}\n",
            "x.yml:1:10: the name of a field must be a text",
        ),
        ("labels: {<<: [1]}\n", "x.yml:1:14: `<<` takes a map"),
        ("jobs:\n\t- name: a\n", "x.yml:2:"),
        ("jobs: [1\nlabels: {}\n", "x.yml:2:"),
        ("labels: *gone\n", "x.yml:1:9: "),
        (
            "labels: &a {b: *a}\n",
            "x.yml:1:16: an alias within what it stands for",
        ),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}\n{error}");
    }
}

#[test]
fn all_faults_of_a_document_are_found_at_once() {
    let text = "jobs:\n- {name: a, count: x, flag: maybe}\n- {nam: b, name: [], name: c}\n\
                labels: {a: {}, b: c}\nfoo: 1\n";
    let error = read::<Content>(text, "x.yml").unwrap_err();
    let places: Vec<_> = error
        .faults
        .iter()
        .map(|fault| fault.place.unwrap())
        .collect();
    let expected = [(2, 20), (2, 29), (3, 4), (3, 18), (3, 22), (4, 13), (5, 1)];
    assert_eq!(places, expected, "{error}");
    let many = format!("jobs:\n{}", "- count: x\n".repeat(FAULTS_MAX * 2));
    let error = read::<Content>(&many, "x.yml").unwrap_err();
    assert_eq!(error.faults.len(), FAULTS_MAX);
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let nested = |depth: usize| format!("free: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parsed(&nested(DEPTH_MAX - 4)).is_ok());
    let error = parsed(&nested(DEPTH_MAX * 2)).unwrap_err();
    assert!(error.starts_with("x.yml:1:"), "{error}");
}

#[test]
fn a_large_file_is_read_and_one_past_the_bound_is_refused() {
    let entry =
        "- name: job\n  flag: yes\n  count: 12\n  static_configs: [a, b, c, d, e, f, g, h]\n";
    let text = format!("jobs:\n{}", entry.repeat((3 << 20) / entry.len()));
    assert!(parsed(&text).unwrap().jobs.len() > 30_000);
    let error = parsed(&"#".repeat(FILE_BYTES_MAX + 1)).unwrap_err();
    assert!(error.contains("bytes"), "{error}");
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = String::from("free:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        let list = vec![below; 10].join(", ");
        text.push_str(&format!("  a{level}: &a{level} [{list}]\n"));
    }
    let error = parsed(&text).unwrap_err();
    assert!(error.contains("the aliases stand for over"), "{error}");
}
