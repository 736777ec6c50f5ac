use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    jobs: Vec<Spanned<Job>>,
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

fn parsed(text: &str) -> Result<Document, String> {
    read::<Document>(text, "x.yml").map_err(|error| error.to_string())
}

#[test]
fn documents_are_read_as_go_reads_them() {
    let jobs = |text: &str| -> Vec<(String, bool, u64)> {
        let jobs = parsed(text).unwrap().jobs.into_iter();
        jobs.map(|job| (job.value.name, job.value.flag, job.value.count))
            .collect()
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
        (
            "jobs:\n- name: a\n  dns_sd_configs: []\n  static_configs: [x]\n  http_sd_configs:\n  count: 2\n",
            vec![("a", false, 2)],
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
            "x.yml:3:3: unknown field `flg`, expected one of name, flag, count, static_configs\n\
             1 | jobs:\n2 | - name: a\n3 |   flg: yes\n  |   ^",
        ),
        ("jobs:\n- count: x\n", "x.yml:2:10: "),
        ("jobs: 3\n", "x.yml:1:7: "),
        ("labels: {a: 1, a: 2}\n", "x.yml:1:16: "),
        ("jobs:\n\t- name: a\n", "x.yml:2:2: "),
        ("jobs: [1\nlabels: {}\n", "x.yml:2:7: "),
        (
            "jobs:\n- name: a\n  dns_sd_configs:\n  - names: [x]\n",
            "x.yml:4:5: dns_sd_configs is not supported yet\n",
        ),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}\n{error}");
    }
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
    assert!(parsed(&text).is_err());
}
