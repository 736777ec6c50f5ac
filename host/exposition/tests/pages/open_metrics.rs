//! Every construct of OpenMetrics text, and what is wrong with what is none.

use narthex_exposition::Format;

use crate::page;

#[track_caller]
fn check(body: &str, expect: &[&str]) {
    page::check(&format!("{body}# EOF\n"), Format::OpenMetrics, expect);
    page::check(&format!("{body}# EOF"), Format::OpenMetrics, expect);
}

#[test]
fn metadata() {
    check("", &[]);
    check(
        "# TYPE t_seconds counter\n# UNIT t_seconds seconds\n# HELP t_seconds Time.\nt_seconds_total 1.0\n",
        &[
            r#"TYPE "t_seconds" counter"#,
            r#"UNIT "t_seconds" "seconds""#,
            r#"HELP "t_seconds" "Time.""#,
            r#"t_seconds_total => {__name__="t_seconds_total"} 1.0"#,
        ],
    );
    for kind in [
        "counter",
        "gauge",
        "histogram",
        "gaugehistogram",
        "summary",
        "info",
        "stateset",
        "unknown",
    ] {
        check(
            &format!("# TYPE a {kind}\n"),
            &[&format!("TYPE \"a\" {kind}")],
        );
    }
    for (text, help) in [
        ("", ""),
        (" two ", " two "),
        (r#"a\\b\nc\"d\te"#, "a\\b\nc\"d\\te"),
        ("a\0b", "a\0b"),
        ("\t", "\t"),
    ] {
        check(
            &format!("# HELP a {text}\n"),
            &[&format!("HELP \"a\" {help:?}")],
        );
    }
    check("# UNIT a \n", &[r#"UNIT "a" """#]);
    check(
        "# TYPE \"a.b\" gauge\n# UNIT \"a.b_s\" s\n",
        &[r#"TYPE "a.b" gauge"#, r#"UNIT "a.b_s" "s""#],
    );
}

#[test]
fn series() {
    for (line, entry) in [
        ("a 1", r#"a => {__name__="a"} 1.0"#),
        ("a{} 1", r#"a{} => {__name__="a"} 1.0"#),
        (
            r#"a{b="c",d="e"} 1"#,
            r#"a{b="c",d="e"} => {__name__="a", b="c", d="e"} 1.0"#,
        ),
        (
            r#"a{b="c",} 1"#,
            r#"a{b="c",} => {__name__="a", b="c"} 1.0"#,
        ),
        (
            r#"a{b="\"\\\n"} 1"#,
            r#"a{b="\"\\\n"} => {__name__="a", b="\"\\\n"} 1.0"#,
        ),
        (
            r#"{"a.b",c="d"} 1"#,
            r#"{"a.b",c="d"} => {__name__="a.b", c="d"} 1.0"#,
        ),
        (
            r#"{c="d","a.b"} 1"#,
            r#"{c="d","a.b"} => {__name__="a.b", c="d"} 1.0"#,
        ),
        ("a NaN", r#"a => {__name__="a"} NaN"#),
        ("a 1 123.5", r#"a => {__name__="a"} 1.0 @123500"#),
        (
            "a 1 1520879607.789",
            r#"a => {__name__="a"} 1.0 @1520879607789"#,
        ),
        ("a 1 -1", r#"a => {__name__="a"} 1.0 @-1000"#),
        ("a 1 1e3", r#"a => {__name__="a"} 1.0 @1000000"#),
        (
            "a_created 1520872607.123",
            r#"a_created => {__name__="a_created"} 1520872607.123"#,
        ),
    ] {
        check(&format!("{line}\n"), &[entry]);
    }
    check(
        "a{b=\"\0c\"} 1\n",
        &["a{b=\"\0c\"} => {__name__=\"a\", b=\"\\x00c\"} 1.0"],
    );
}

#[test]
fn bounds_in_labels_are_written_as_numbers() {
    check(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 0\n# TYPE s summary\ns{quantile=\"1\"} 0\n# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 0\n",
        &[
            r#"TYPE "h" histogram"#,
            r#"h_bucket{le="1"} => {__name__="h_bucket", le="1.0"} 0.0"#,
            r#"TYPE "s" summary"#,
            r#"s{quantile="1"} => {__name__="s", quantile="1.0"} 0.0"#,
            r#"TYPE "g" gaugehistogram"#,
            r#"g_bucket{le="1"} => {__name__="g_bucket", le="1"} 0.0"#,
        ],
    );
}

#[test]
fn exemplars() {
    for (line, entry) in [
        (r##"a 1 # {} 2"##, r##"a => {__name__="a"} 1.0 # {} 2.0"##),
        (
            r##"a 1 # {id="x"} 0.5"##,
            r##"a => {__name__="a"} 1.0 # {id="x"} 0.5"##,
        ),
        (
            r##"a 1 # {id="x",z="\""} 0.5 7.25"##,
            r##"a => {__name__="a"} 1.0 # {id="x", z="\""} 0.5 @7250"##,
        ),
        (
            r##"a 1 9 # {"i.d"="x"} NaN"##,
            r##"a => {__name__="a"} 1.0 @9000 # {"i.d"="x"} NaN"##,
        ),
        (
            r##"a 1 # {id="x",id="y"} 2"##,
            r##"a => {__name__="a"} 1.0 # label name "id" is not unique: invalid sample 2.0"##,
        ),
    ] {
        check(&format!("{line}\n"), &[entry]);
    }
}

#[test]
fn errors() {
    for (body, error) in [
        ("", "data does not end with # EOF"),
        ("a 1", "data does not end with # EOF"),
        ("a 1\n", "data does not end with # EOF"),
        (
            "a 1 2",
            r#"expected next entry after timestamp, got " 2" ("EOF") while parsing: "a 1 2""#,
        ),
        ("a 1 # {b=\"c\"} 2", "data does not end with # EOF"),
        ("# TYPE a gauge\n", "data does not end with # EOF"),
        ("# EOF\na 1\n", "unexpected data after # EOF"),
        ("# EOF\n\n", "unexpected data after # EOF"),
        ("# EOFx", "unexpected data after # EOF"),
        (
            "\n# EOF\n",
            r#"expected a valid start token, got "\n" ("INVALID") while parsing: "\n""#,
        ),
        (
            " a 1\n# EOF\n",
            r#"expected a valid start token, got " " ("INVALID") while parsing: " ""#,
        ),
        (
            "# comment\n# EOF\n",
            r##"expected a valid start token, got "# c" ("INVALID") while parsing: "# c""##,
        ),
        (
            "#\tTYPE a gauge\n",
            r##"expected a valid start token, got "#\t" ("INVALID") while parsing: "#\t""##,
        ),
        (
            "# HEL\n",
            r##"expected a valid start token, got "# HEL\n" ("INVALID") while parsing: "# HEL\n""##,
        ),
        (
            "#",
            r##"expected a valid start token, got "#" ("INVALID") while parsing: "#""##,
        ),
        ("# TYPE a\n# EOF\n", "expected text in TYPE"),
        ("# HELP a", "expected text in HELP"),
        ("# HELP a text", "expected text in HELP"),
        (
            "# TYPE  a gauge\n",
            r##"expected metric name after TYPE, got " " ("INVALID") while parsing: "# TYPE  ""##,
        ),
        ("# TYPE a untyped\n", r#"invalid metric type "untyped""#),
        ("# TYPE a gauge \n", r#"invalid metric type "gauge ""#),
        (
            "# UNIT a_s seconds\n",
            r#"unit "seconds" not a suffix of metric "a_s""#,
        ),
        (
            "# UNIT aseconds seconds\n",
            r#"unit "seconds" not a suffix of metric "aseconds""#,
        ),
        (
            "# UNIT seconds seconds\n",
            r#"unit "seconds" not a suffix of metric "seconds""#,
        ),
        (
            "a",
            r#"expected value after metric, got "a" ("EOF") while parsing: "a""#,
        ),
        (
            "a\n",
            r#"expected value after metric, got "\n" ("INVALID") while parsing: "a\n""#,
        ),
        (
            "a  1\n",
            r#"expected value after metric, got "  " ("INVALID") while parsing: "a  ""#,
        ),
        (
            "a\t1\n",
            r#"expected value after metric, got "\t" ("INVALID") while parsing: "a\t""#,
        ),
        (
            "a 1\t2\n",
            r#"strconv.ParseFloat: parsing "1\t2": invalid syntax while parsing: "a 1\t2""#,
        ),
        (
            "a 1 \n# EOF\n",
            r##"expected a valid start token, got "\n#" ("LINEBREAK") while parsing: "\n#""##,
        ),
        (
            "a 1  2\n",
            r#"expected a valid start token, got " 2\n" ("TIMESTAMP") while parsing: " 2\n""#,
        ),
        (
            "a 1 # x\n",
            r#"expected a valid start token, got "x" ("INVALID") while parsing: "x""#,
        ),
        (
            "a 1 #\n",
            r##"strconv.ParseFloat: parsing "#": invalid syntax while parsing: "a 1 #""##,
        ),
        (
            "a 1 2 3\n",
            r#"expected next entry after timestamp, got " 3\n" ("TIMESTAMP") while parsing: "a 1 2 3\n""#,
        ),
        (
            "a 1 2 \n",
            r#"expected next entry after timestamp, got " \n" ("INVALID") while parsing: "a 1 2 \n""#,
        ),
        ("a 1 NaN\n", "invalid timestamp NaN"),
        ("a 1 -Inf\n", "invalid timestamp -Inf"),
        ("a 1 1e17\n", "invalid timestamp 100000000000000000.000000"),
        (
            "a 1_0\n",
            r#"unsupported character in float while parsing: "a 1_0""#,
        ),
        (
            "a 1 1_0\n",
            r#"unsupported character in float while parsing: "a 1 1_0""#,
        ),
        (
            "a{b=\"c\"d=\"e\"} 1\n",
            r#"expected comma or brace close, got "d=" ("LNAME") while parsing: "a{b=\"c\"d=""#,
        ),
        (
            "a{b=\"c\" } 1\n",
            r#"expected comma or brace close, got " " ("INVALID") while parsing: "a{b=\"c\" ""#,
        ),
        (
            "a{b=\"c\", d=\"e\"} 1\n",
            r#"expected label name, got " " ("INVALID") while parsing: "a{b=\"c\", ""#,
        ),
        (
            "a{b=\"c\nd\"} 1\n",
            r#"expected label value, got "\"c\n" ("INVALID") while parsing: "a{b=\"c\n""#,
        ),
        (
            "a{b} 1\n",
            r#"expected equal, got "} " ("BCLOSE") while parsing: "a{b} ""#,
        ),
        (
            "{b=\"c\"} 1\n",
            r#"metric name not set while parsing: "{b=\"c\"} 1""#,
        ),
        (
            "a 1 # {b} 1\n",
            r#"expected label name, got "} " ("BCLOSE") while parsing: "a 1 # {b} ""#,
        ),
        (
            "a 1 # {\"b\"} 1\n",
            r#"expected label name, got "} " ("BCLOSE") while parsing: "a 1 # {\"b\"} ""#,
        ),
        (
            "a 1 # {b=\"c\",,} 1\n",
            r#"expected label name, got ",}" ("COMMA") while parsing: "a 1 # {b=\"c\",,}""#,
        ),
        (
            "a 1 # {b=c} 1\n",
            r#"expected label value, got "c" ("INVALID") while parsing: "a 1 # {b=c""#,
        ),
        (
            "a 1 # {b=\"\0c\"} 1\n",
            r#"expected label value, got "\"\x00" ("INVALID") while parsing: "a 1 # {b=\"\x00""#,
        ),
        (
            "a 1 # {b=\"c\"}\n",
            r#"expected value after exemplar labels, got "\n" ("INVALID") while parsing: "a 1 # {b=\"c\"}\n""#,
        ),
        (
            "a 1 # {b=\"c\"} x\n",
            r#"strconv.ParseFloat: parsing "x": invalid syntax while parsing: "a 1 # {b=\"c\"} x""#,
        ),
        ("a 1 # {b=\"c\"} 1 Inf\n", "invalid exemplar timestamp +Inf"),
        (
            "a 1 # {b=\"c\"} 1 2 3\n",
            r#"expected next entry after exemplar timestamp, got " 3\n" ("TIMESTAMP") while parsing: "a 1 # {b=\"c\"} 1 2 3\n""#,
        ),
        (
            "a 1 # {b=\"c\"} 1 \n",
            r#"expected timestamp or comment, got " \n" ("INVALID") while parsing: "a 1 # {b=\"c\"} 1 \n""#,
        ),
    ] {
        page::check_error(body.as_bytes(), Format::OpenMetrics, error);
    }
    let not_utf8 = b"a{b=\"\xff\"} 1\n# EOF\n";
    page::check_error(
        not_utf8,
        Format::OpenMetrics,
        r#"invalid UTF-8 label value: "\"\xff\"""#,
    );
}
