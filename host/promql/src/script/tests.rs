use super::*;

const LOAD: &str = "load 10s\n  a{l=\"x\"} 1+1x10\n  b{l=\"x\"} 2\n  b{l=\"y\"} 3\n\n";

#[test]
fn what_is_not_as_expected_is_a_failure_that_says_so() {
    for (command, reason) in [
        (
            "eval instant at 10s a\n a{l=\"x\"} 3",
            r#"expected 3 for {__name__="a", l="x"} but got 2"#,
        ),
        (
            "eval instant at 10s a\n",
            r#"unexpected metric {__name__="a", l="x"} in result, has value 2"#,
        ),
        (
            "eval instant at 10s a\n a{l=\"x\"} 2\n a{l=\"y\"} 2",
            r#"expected metric {__name__="a", l="y"} not found"#,
        ),
        (
            "eval instant at 10s sort(b)\n expect ordered\n b{l=\"y\"} 3\n b{l=\"x\"} 2",
            r#"expected metric {__name__="b", l="x"} at position 2 but was at 1"#,
        ),
        (
            "eval instant at 10s 1 + 1\n 3",
            "expected scalar Float(3.0) but got 2",
        ),
        (
            "eval instant at 10s \"x\"\n expect string \"y\"",
            r#"expected string "y" but got "x""#,
        ),
        (
            "eval instant at 10s a\n expect fail\n",
            "expected error but got none",
        ),
        (
            "eval instant at 10s sum(a)\n expect warn\n {} 2",
            r#"expected warn annotation "anything", found: []"#,
        ),
        (
            "eval_info instant at 10s sum(a)\n {} 2",
            "expected info annotations but got none",
        ),
        (
            "eval range from 0s to 20s step 10s sum(a)\n {} 1 2 3 4",
            "expected 4 points for {}, but query time range cannot return this many points",
        ),
        (
            "eval instant at 10s a[10s]\n expect range vector from 0s to 10s step 10s\n a{l=\"x\"} 1 2",
            r#"expected [1 @0, 2 @10000] for {__name__="a", l="x"}, but got [2 @10000]"#,
        ),
        (
            "eval instant at 10s a +",
            "1:4: parse error: unexpected end of input",
        ),
        (
            "eval instant at 10 a",
            r#"invalid timestamp definition "10": not a valid duration string: "10""#,
        ),
        (
            "evaluate",
            "invalid evaluation command, must be either 'eval[_fail|_warn|_ordered|_info] instant [at <offset:duration>] <query>' or 'eval[_fail|_warn|_info] range from <from> to <to> step <step> <query>'",
        ),
        (
            "eval range from 20s to 10s step 1s a",
            "the end timestamp is before the start timestamp",
        ),
        ("wait 10s", r#"invalid command "wait 10s""#),
        (
            "load_with_nhcb",
            "invalid load command, must be load[_with_nhcb] <step:duration>",
        ),
        (
            "load 1m\n a 1 b",
            r#"1:5: parse error: unexpected "b" in series values, expected number or "stale""#,
        ),
        (
            "load 10s\n  a{l=\"x\"} 7",
            r#"sample of {__name__="a", l="x"} rejected: OutOfOrder"#,
        ),
        (
            "eval instant at 10s a\n expect warn\n expect no_warn",
            "invalid expect lines, Warn and NoWarn cannot be used together",
        ),
        (
            "load 1m\n  s@st -1m\n  t 1",
            r#"the start timestamps of {__name__="s"} are not followed by its samples"#,
        ),
        (
            "load 1m\n  s@st -1m",
            r#"the start timestamps of {__name__="s"} are not followed by its samples"#,
        ),
        (
            "load 1m\n  s@st -1m\n  s 1 2",
            r#"{__name__="s"} has 1 start timestamps and 2 samples"#,
        ),
        (
            "eval instant at 10s a\n expect nothing",
            "invalid expect statement, must match `expect <type> <match_type>: <string>` format",
        ),
    ] {
        let report = run(&format!("{LOAD}{command}\n"), "x.test");
        let reasons: Vec<&str> = report.failed.iter().map(|f| f.reason.as_str()).collect();
        assert_eq!(reasons, [reason], "{command}");
    }
}

#[test]
fn an_instant_must_hold_at_other_times_with_a_fixed_one() {
    // `@ start()` is the time of the evaluation, and is fixed with the others.
    let script =
        "load 10s\n  a 1+1x10\n\neval instant at 10s a @ 10 + scalar(a @ start())\n {} 4\n";
    assert_eq!(run(script, "x.test").passed, 1);
    // Times out of the data: with `@` the result stays.
    let script = "load 10s\n  a 1+1x10\n\neval instant at 50s sum_over_time(a[20s])\n {} 11\n";
    assert_eq!(run(script, "x.test").failed, []);
}

#[test]
fn a_report_says_what_failed_and_where() {
    let script = "load 1m\n  h {{count:1}}\n  c 1\n\n\
                  eval instant at 0 count(h)\n  {} 2\n\n\
                  eval instant at 0 c\n  c 1\n\n\
                  load\n\n\
                  eval instant at 0 c\n  c 2\n";
    let summary = Summary {
        reports: vec![run(script, "x.test")],
    };
    let lines = summary.to_string();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "x.test:5: count(h): expected 2 for {} but got 1",
            "x.test:11: load: invalid load command, must be load[_with_nhcb] <step:duration>",
            r#"x.test:13: c: expected 2 for {__name__="c"} but got 1"#,
            "x.test: 1 passed, 3 failed",
            "1 passed, 3 failed",
        ]
    );
}

#[test]
fn series_that_are_folded_as_they_are_read_give_the_same() {
    let manifest_dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut summary = Summary::default();
    for folder in ["tests/scripts", "../../../shared/promqltest"] {
        // The scripts of the reference lie beside some checkouts only.
        let Ok(entries) = std::fs::read_dir(manifest_dir.join(folder)) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".test") {
                let one_at_a_time = EngineOptions {
                    batch_samples: 1,
                    ..engine_options()
                };
                let text = std::fs::read_to_string(&path).unwrap();
                summary.reports.push(run_with(one_at_a_time, &text, &name));
            }
        }
    }
    assert!(summary.passed() > 0 && summary.failed() == 0, "{summary}");
}
