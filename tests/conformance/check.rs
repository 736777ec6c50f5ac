//! `narthex check` beside Debian's promtool: configs are taken or refused alike, each fault has its
//! place, and metrics are linted in the same words.
//!
//! The corpus is the folder `configs`: `good` and `bad` are what the two agree on;
//! `not_in_debian` is what Debian's promtool cannot know, by [`NOT_IN_DEBIAN`]; `stricter` is what
//! we alone refuse, by [`STRICTER`].

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use narthex_tests::{binary, repository};

/// The fewest configs that the corpus has.
const CORPUS_MIN: usize = 150;

/// What Prometheus took in after 2.42, and what Debian builds its promtool without.
const NOT_IN_DEBIAN: &[(&str, &str)] = &[
    ("alertmanager_alert_relabelling", "since 2.51"),
    ("as_on_kubernetes", "Debian leaves kubernetes out"),
    ("external_label_of_utf8", "names of UTF-8, since 3.0"),
    ("global_all_fields_of_3_14", "since 2.45 and later"),
    ("http_headers", "since 2.55"),
    ("http_proxy_of_the_environment", "since 2.43"),
    ("http_tls_inline", "since 2.47"),
    ("otlp", "since 2.54"),
    ("otlp_all_attributes", "since 3.5"),
    ("plugins_of_ours", "Narthex' own"),
    ("relabel_utf8_names", "names of UTF-8, since 3.0"),
    ("remote_read_chunked_limit", "since 2.54"),
    ("remote_write_azuread", "since 2.45"),
    ("remote_write_google_iam", "since 2.55"),
    ("remote_write_protobuf_message", "since 2.54"),
    ("runtime", "since 2.53"),
    ("scrape_all_fields_of_3_14", "since 2.47 and later"),
    ("scrape_config_files", "since 2.43"),
    ("sd_consul", "Debian leaves consul out"),
    ("sd_empty_lists", "Debian leaves kubernetes out"),
    ("sd_kubernetes", "Debian leaves kubernetes out"),
    ("sd_kuma", "Debian leaves kuma out"),
    ("sd_linode", "Debian leaves linode out"),
    ("sd_nomad", "Debian leaves nomad out"),
    ("sd_stackit", "since 3.5"),
    ("storage_retention", "since 3.9"),
];

/// What promtool 2.42 takes and Narthex refuses.
const STRICTER: &[(&str, &str)] = &[
    ("alertmanager_api_v1", "Prometheus 3 refuses it as well"),
    ("http_tls_only_old_versions", "TLS before 1.2 is not spoken"),
    (
        "remote_write_url_without_a_scheme",
        "nothing can be sent there",
    ),
    ("remote_write_without_shards", "nothing would ever be sent"),
    (
        "scrape_odd_scheme_without_targets",
        "no target could be scraped",
    ),
];

fn corpus() -> PathBuf {
    repository().join("tests/conformance/configs")
}

/// The configs of a folder of the corpus, by name.
fn configs(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(corpus().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".yml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn check(program: &Path, folder: &str, config: &str) -> Output {
    let mut command = Command::new(program);
    command.current_dir(corpus()).args(["check", "config"]);
    command
        .arg(format!("{folder}/{config}.yml"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn a_config_is_taken_or_refused_as_promtool_does() {
    let mut wrong = String::new();
    let mut count = 0;
    for (folder, ours, theirs) in [
        ("good", true, true),
        ("bad", false, false),
        ("not_in_debian", true, false),
        ("stricter", false, true),
    ] {
        for config in configs(folder) {
            count += 1;
            for (program, expected) in [(binary().as_path(), ours), (Path::new("promtool"), theirs)]
            {
                let output = check(program, folder, &config);
                if output.status.success() != expected {
                    let name = program.file_name().unwrap_or_default().display();
                    writeln!(wrong, "{folder}/{config}: {name}: {}", said(&output)).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= CORPUS_MIN, "{count} configs");
}

#[test]
fn what_the_two_do_not_agree_on_is_listed_with_its_reason() {
    for (folder, listed) in [("not_in_debian", NOT_IN_DEBIAN), ("stricter", STRICTER)] {
        let listed: Vec<_> = listed.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(configs(folder), listed, "{folder}");
    }
}

/// `faults.golden` has each fault of each config that is refused: the file, line, column, and what
/// is wrong there. With `NARTHEX_WRITE_GOLDEN` set the test writes it anew.
#[test]
fn each_fault_has_its_place() {
    let mut found = String::new();
    for folder in ["bad", "stricter"] {
        for config in configs(folder) {
            let output = check(&binary(), folder, &config);
            let text = said(&output);
            let before = found.len();
            for line in text.lines() {
                let line = line.trim_start().trim_start_matches("FAILED: ");
                let line = line.rsplit("parsing YAML file ").next().unwrap_or(line);
                if line.starts_with(&format!("{folder}/")) {
                    writeln!(found, "{line}").unwrap();
                }
            }
            assert!(found.len() > before, "{folder}/{config}: {text}");
        }
    }
    let golden = corpus().join("faults.golden");
    if std::env::var_os("NARTHEX_WRITE_GOLDEN").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn what_is_likely_a_mistake_is_warned_of_and_taken() {
    let output = check(&binary(), "good", "names_of_the_past");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in [
        "names_of_the_past.yml:3:31: kube-scheduler has no port 10251",
        "names_of_the_past.yml:3:47: kube-controller-manager has no port 10252",
        "Istio has no mixer",
        "Heapster is no more",
        "`pod_name` is called `pod` now",
        "hint: scrape port 10259 with `scheme: https`",
    ] {
        assert!(text.contains(part), "{text}\n{part}");
    }
    let mut command = Command::new(binary());
    command
        .current_dir(corpus())
        .args(["check", "config", "--lint=all", "--lint-fatal"]);
    let output = command.arg("good/names_of_the_past.yml").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
}

#[test]
fn flags_and_exit_codes_are_promtools() {
    for (args, file) in [
        (vec!["--syntax-only"], "bad/rule_file_is_not_there.yml"),
        (
            vec!["--syntax-only"],
            "bad/http_credentials_file_is_not_there.yml",
        ),
        (
            vec!["--syntax-only"],
            "bad/http_tls_certificate_without_a_key.yml",
        ),
        (vec!["--syntax-only"], "bad/relabel_bad_regex.yml"),
        (vec!["--agent"], "good/remote_write_minimal.yml"),
        (vec!["--agent"], "good/remote_read_minimal.yml"),
        (vec!["--agent"], "good/rule_files.yml"),
        (vec!["--agent"], "good/alerting_static.yml"),
        (vec![], "files/gone.yml"),
        (
            vec!["--lint=none", "--lint-fatal"],
            "lint/duplicate_rules.yml",
        ),
        (
            vec!["--lint=all", "--lint-fatal"],
            "lint/duplicate_rules.yml",
        ),
        (vec!["--lint-fatal"], "lint/duplicate_rules.yml"),
        (vec![], "lint/duplicate_rules.yml"),
    ] {
        let code = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(corpus()).args(["check", "config"]);
            let output = command.args(&args).arg(file).output().unwrap();
            (output.status.code(), said(&output))
        };
        let (ours, text) = code(&binary());
        let (theirs, other) = code(Path::new("promtool"));
        // A file that is not there is found by promtool's reader of flags, which exits with 1.
        assert_eq!(ours, theirs, "{args:?} {file}\n{text}\n{other}");
    }
}

/// For programs: each file with its faults, and each fault with its place.
#[test]
fn faults_are_json_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "rules.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: sum(}\n",
    );
    write(
        "twice.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: b}\n  - {record: a, expr: c}\n",
    );
    write("good.yml", "rule_files: [rules.yml, twice.yml]\n");
    write("bad.yml", "global:\n  scrape_intervall: 15s\n");
    let ran = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.current_dir(folder.path()).args(args);
        let output = command.args(["-o", "json"]).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), said)
    };
    let check = |args: &[&str]| ran(&[&["check"][..], args].concat());
    let (code, said) = check(&["config", "bad.yml", "gone.yml"]);
    assert_eq!(code, Some(1), "{said}");
    let fault = &said[0]["faults"][0];
    assert_eq!(fault["file"], "bad.yml", "{said}");
    assert_eq!(fault["line"], 2, "{said}");
    assert_eq!(fault["column"], 3, "{said}");
    assert_eq!(fault["hint"], "did you mean `scrape_interval`?", "{said}");
    assert_eq!(said[1]["isValid"], false, "{said}");
    let (code, said) = check(&["config", "good.yml"]);
    assert_eq!(code, Some(1), "{said}");
    let valid: Vec<_> = [0_usize, 1, 2].map(|at| said[at]["isValid"].clone()).into();
    assert_eq!(valid, [true, false, true], "{said}");
    assert_eq!(said[1]["faults"][0]["line"], 4, "{said}");
    let (code, said) = check(&["rules", "--lint-fatal", "twice.yml"]);
    assert_eq!(code, Some(3), "{said}");
    let lint = said[0]["lint"][0].as_str().unwrap();
    assert!(lint.contains("1 duplicate rule(s) found"), "{said}");
    write("empty.yml", "");
    let (code, said) = check(&["web-config", "empty.yml", "bad.yml"]);
    let valid: Vec<_> = [0_usize, 1].map(|at| said[at]["isValid"].clone()).into();
    assert_eq!(
        (code, valid),
        (Some(1), vec![true.into(), false.into()]),
        "{said}"
    );
    assert_eq!(said[1]["faults"][0]["line"], 1, "{said}");
    write(
        "alertmanager.yml",
        "route: {receiver: a}\nreceivers: [{name: a, plugin_configs: [{plugin: nosuch}]}]\n",
    );
    let (code, said) = check(&["alertmanager-config", "alertmanager.yml", "bad.yml"]);
    assert_eq!(code, Some(1), "{said}");
    let warning = said[0]["warnings"][0]["message"].as_str().unwrap();
    assert!(warning.contains("the plugin \"nosuch\""), "{said}");
    assert_eq!(said[1]["faults"][0]["line"], 1, "{said}");
    write(
        "tests.yml",
        "rule_files: [twice.yml]\ntests:\n- name: t\n  promql_expr_test:\n\
         \x20 - {expr: '1', eval_time: 0s, exp_samples: [{value: 2}]}\n",
    );
    let (code, said) = ran(&["test", "rules", "--coverage", "tests.yml"]);
    assert_eq!(code, Some(1), "{said}");
    let test = &said["files"][0]["tests"][0];
    assert_eq!(
        (&test["name"], &test["isPassed"]),
        (&"t".into(), &false.into()),
        "{said}"
    );
    assert_eq!(said["coverage"]["rules"], 2, "{said}");
    assert_eq!(said["coverage"]["untested"][0]["name"], "a", "{said}");
    write(
        "script.test",
        "eval instant at 0 1\n  1\n\neval instant at 0 1\n  2\n",
    );
    let (code, said) = ran(&["test", "promql", "script.test"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(
        (&said["passed"], &said["failed"]),
        (&1.into(), &1.into()),
        "{said}"
    );
    assert_eq!(said["files"][0]["failures"][0]["line"], 4, "{said}");
}

/// Which plugins there are is known by the config of the server; without it nobody can say.
#[test]
fn receivers_need_plugins_that_are_there_and_take_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let config = |name: &str, entry: &str| {
        let text = format!("route: {{receiver: a}}\nreceivers: [{{name: a, {entry}}}]\n");
        fs::write(folder.path().join(name), text).unwrap();
    };
    config("none.yml", "plugin_configs: [{plugin: nosuch}]");
    config("world.yml", "plugin_configs: [{plugin: redis}]");
    config("good.yml", "webhook_configs: [{url: 'http://a'}]");
    fs::write(folder.path().join("server.yml"), "global: {}\n").unwrap();
    let check = |args: &[&str]| {
        let mut command = Command::new(binary());
        command
            .current_dir(folder.path())
            .args(["check", "alertmanager-config"]);
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), said(&output))
    };
    for (args, code, part) in [
        (&["none.yml"][..], 0, "a server needs the plugin \"nosuch\""),
        (&["--config.file=server.yml", "none.yml"], 1, "\"nosuch\""),
        (&["--config.file=server.yml", "world.yml"], 1, "receiver"),
        (&["--config.file=server.yml", "good.yml"], 0, "SUCCESS"),
        (&["--config.file=gone.yml", "good.yml"], 1, "gone.yml"),
        (&["good.yml"], 0, "SUCCESS"),
        (&[], 1, "/dev/stdin"),
    ] {
        let (found, text) = check(args);
        assert_eq!(found, Some(code), "{args:?}: {text}");
        assert!(text.contains(part), "{args:?}: {text}");
    }
}

/// What a program says of a page on its standard input.
fn lint(program: &Path, page: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut child = Command::new(program)
        .args(["check", "metrics"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(page.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn metrics_are_linted_in_promtools_words() {
    let histogram = "# HELP h_seconds h\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"1\"} 1\n\
                     h_seconds_bucket{le=\"+Inf\"} 2\nh_seconds_sum 1\nh_seconds_count 2\n";
    let summary = "# HELP s_seconds s\n# TYPE s_seconds summary\ns_seconds{quantile=\"0.5\"} 1\n\
                   s_seconds_sum 1\ns_seconds_count 2\n";
    let helped =
        |name: &str, kind: &str| format!("# HELP {name} x\n# TYPE {name} {kind}\n{name} 1\n");
    let mut pages = vec![
        String::new(),
        "a 1\n".to_owned(),
        "a{b=\"c\"} 1\na{b=\"d\"} 2\n".to_owned(),
        histogram.to_owned(),
        summary.to_owned(),
        format!("{histogram}{summary}"),
        "# HELP h_total x\n# TYPE h_total histogram\nh_total_bucket{le=\"+Inf\"} 1\nh_total_sum 1\n\
         h_total_count 1\n"
            .to_owned(),
        "# HELP a x\n# TYPE a gauge\na{le=\"1\"} 1\na{quantile=\"1\"} 1\na{camelCase=\"1\"} 1\n"
            .to_owned(),
        "# HELP a x\na{le=\"1\",quantile=\"2\"} 1\n".to_owned(),
    ];
    for (name, kind) in [
        ("a_total", "counter"),
        ("a", "counter"),
        ("a_total", "gauge"),
        ("a_total", "untyped"),
        ("a_bucket", "gauge"),
        ("a_count", "gauge"),
        ("a_sum", "counter"),
        ("a_sum", "untyped"),
        ("a_milliseconds", "gauge"),
        ("a_kilobytes_total", "counter"),
        ("a_hours", "gauge"),
        ("a_miles", "gauge"),
        ("a_fahrenheit", "gauge"),
        ("thermometers", "gauge"),
        ("a_ms", "gauge"),
        ("a_kb_total", "counter"),
        ("a_counter_total", "counter"),
        ("a_gauge", "gauge"),
        ("a_histogram_x", "gauge"),
        ("a_summary", "gauge"),
        ("aB", "gauge"),
        ("a:b", "gauge"),
        ("a_seconds", "gauge"),
        ("aGauge_Ms:x_total", "gauge"),
    ] {
        pages.push(helped(name, kind));
    }
    for page in pages {
        let ours = lint(&binary(), &page, &[]);
        let theirs = lint(Path::new("promtool"), &page, &[]);
        assert_eq!(ours, theirs, "{page}");
    }
    // What is no page is refused by both, in each one's words.
    for page in ["a{ 1\n", "a b\n", "{} 1\n"] {
        let (ours, _, said) = lint(&binary(), page, &[]);
        let (theirs, ..) = lint(Path::new("promtool"), page, &[]);
        assert_eq!(ours, theirs, "{page}\n{said}");
        assert!(said.starts_with("error while linting: "), "{said}");
    }
    let counted = format!(
        "# HELP c_total c\n# TYPE c_total counter\nc_total{{a=\"1\"}} 1\n{histogram}{summary}"
    );
    for page in [histogram.to_owned(), counted] {
        let ours = lint(&binary(), &page, &["--extended"]);
        let theirs = lint(Path::new("promtool"), &page, &["--extended"]);
        assert_eq!(ours, theirs, "{page}");
    }
    // Debian's has no --lint yet.
    let (code, table, said) = lint(&binary(), "a_count 1\n", &["--lint=none", "--extended"]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{table}");
    assert!(table.contains("a_count"), "{table}");
    let (code, _, said) = lint(&binary(), "", &["--lint=none"]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn rules_are_taken_or_refused_as_promtool_does() {
    let folder = corpus();
    for file in [
        "good/files/rules.yml",
        "good/files/empty.rules",
        "bad/files/bad_expression.yml",
        "bad/files/bad_field.yml",
        "bad/files/bad_record_and_alert.yml",
        "bad/files/bad_group_twice.yml",
        "bad/files/bad_template.yml",
        "lint/files/duplicate.yml",
    ] {
        let code = |program: &Path| {
            let mut command = Command::new(program);
            command
                .current_dir(&folder)
                .args(["check", "rules", "--lint-fatal", file]);
            let output = command.output().unwrap();
            (output.status.code(), said(&output))
        };
        let (ours, text) = code(&binary());
        let (theirs, other) = code(Path::new("promtool"));
        assert_eq!(ours, theirs, "{file}\n{text}\n{other}");
    }
}
