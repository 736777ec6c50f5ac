//! Every construct of Prometheus text 0.0.4, the quoted names of 1.0.0, and what is wrong with
//! what is none.

use narthex_exposition::{Entry, Format, Parser};

use crate::page;

#[track_caller]
fn check(body: &str, expect: &[&str]) {
    page::check(body, Format::PrometheusText, expect);
}

#[test]
fn metadata() {
    check(
        "# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n",
        &[
            r#"HELP "up" "Whether it is up.""#,
            r#"TYPE "up" gauge"#,
            r#"up => {__name__="up"} 1.0"#,
        ],
    );
    for (kind, name) in [
        ("counter", "counter"),
        ("gauge", "gauge"),
        ("histogram", "histogram"),
        ("summary", "summary"),
        ("untyped", "unknown"),
    ] {
        check(
            &format!("# TYPE a:b {kind}"),
            &[&format!(r#"TYPE "a:b" {name}"#)],
        );
    }
    for (line, help) in [
        ("# HELP up", ""),
        ("# HELP up ", ""),
        ("# HELP up \t ", ""),
        ("# HELP up  two spaces ", " two spaces "),
        ("#\t HELP \t up\ttext", "text"),
        (r#"# HELP up a\\b\nc\"d\te"#, "a\\b\nc\\\"d\\te"),
        (r"# HELP up \\n\", "\\n\\"),
        ("# HELP up Grüße\0!", "Grüße\0!"),
    ] {
        check(line, &[&format!("HELP \"up\" {help:?}")]);
    }
    check(
        "# HELP \"a.b\\\"c\" text\n# TYPE \"a.b\\\"c\" counter\n",
        &[r#"HELP "a.b\"c" "text""#, r#"TYPE "a.b\"c" counter"#],
    );
}

#[test]
fn comments_and_blank_lines_are_left_out() {
    check(
        "\n#\n# a comment\n#HELP x y\n# HELPER up\n# TYPE\n# UNIT up seconds\n# EOF\n \t \n\nup 1\n\n",
        &[r#"up => {__name__="up"} 1.0"#],
    );
    check("", &[]);
    check("\n", &[]);
}

#[test]
fn series_are_kept_as_written() {
    for (line, entry) in [
        ("up 1", r#"up => {__name__="up"} 1.0"#),
        ("up{} 1", r#"up{} => {__name__="up"} 1.0"#),
        (
            r#"up{a="b"} 1"#,
            r#"up{a="b"} => {__name__="up", a="b"} 1.0"#,
        ),
        (
            r#"up{z="1",a="2",} 1"#,
            r#"up{z="1",a="2",} => {__name__="up", a="2", z="1"} 1.0"#,
        ),
        (
            r#"up{Z="1"} 1"#,
            r#"up{Z="1"} => {Z="1", __name__="up"} 1.0"#,
        ),
        (
            r#"up { a = "b" , } 1"#,
            r#"up { a = "b" , } => {__name__="up", a="b"} 1.0"#,
        ),
        (
            r#"up{a="b" c="d"} 1"#,
            r#"up{a="b" c="d"} => {__name__="up", a="b", c="d"} 1.0"#,
        ),
        (
            r#"up{a="b"c="d"} 1"#,
            r#"up{a="b"c="d"} => {__name__="up", a="b", c="d"} 1.0"#,
        ),
        (r#"up{a=""} 1"#, r#"up{a=""} => {__name__="up"} 1.0"#),
        (
            r#"up{a="}{,=#"} 1"#,
            r#"up{a="}{,=#"} => {__name__="up", a="}{,=#"} 1.0"#,
        ),
        (
            r#"up{a="x\\y\"z\q"} 1"#,
            r#"up{a="x\\y\"z\q"} => {__name__="up", a="x\\y\"z\\q"} 1.0"#,
        ),
        (
            r#"up{a="x\ny"} 1"#,
            r#"up{a="x\ny"} => {__name__="up", a="x\ny"} 1.0"#,
        ),
        ("  up 1", r#"up => {__name__="up"} 1.0"#),
        ("up\t1", r#"up => {__name__="up"} 1.0"#),
        (
            r#"up{a="b"}1"#,
            r#"up{a="b"} => {__name__="up", a="b"} 1.0"#,
        ),
        ("up 1 ", r#"up => {__name__="up"} 1.0"#),
        ("up 1 \t 123", r#"up => {__name__="up"} 1.0 @123"#),
        ("up 1 123 ", r#"up => {__name__="up"} 1.0 @123"#),
        (
            r#"up{a="b"} 1 1700000000123"#,
            r#"up{a="b"} => {__name__="up", a="b"} 1.0 @1700000000123"#,
        ),
        ("a:b_c9 1", r#"a:b_c9 => {__name__="a:b_c9"} 1.0"#),
        (":a 1", r#":a => {__name__=":a"} 1.0"#),
    ] {
        check(line, &[entry]);
        check(&format!("{line}\n"), &[entry]);
    }
    check(
        "up{a=\"x\ny\"} 1",
        &["up{a=\"x\ny\"} => {__name__=\"up\", a=\"x\\ny\"} 1.0"],
    );
    check(
        "up{a=\"\0x\0\"} 1",
        &["up{a=\"\0x\0\"} => {__name__=\"up\", a=\"\\x00x\\x00\"} 1.0"],
    );
}

#[test]
fn quoted_names() {
    for (line, entry) in [
        (r#"{"a.b"} 1"#, r#"{"a.b"} => {__name__="a.b"} 1.0"#),
        (r#"{"a.b",} 1"#, r#"{"a.b",} => {__name__="a.b"} 1.0"#),
        (
            r#"{"a.b", x="y"} 1 5"#,
            r#"{"a.b", x="y"} => {__name__="a.b", x="y"} 1.0 @5"#,
        ),
        (
            r#"{x="y","a.b"} 1"#,
            r#"{x="y","a.b"} => {__name__="a.b", x="y"} 1.0"#,
        ),
        (
            r#" { "a.b" , "x y"="z" } 1"#,
            r#"{ "a.b" , "x y"="z" } => {__name__="a.b", "x y"="z"} 1.0"#,
        ),
        (
            r#"up{"x.y"="z"} 1"#,
            r#"up{"x.y"="z"} => {__name__="up", "x.y"="z"} 1.0"#,
        ),
        (
            r#"{"Größe \"in\" {m}","x"="y"} 1"#,
            r#"{"Größe \"in\" {m}","x"="y"} => {__name__="Größe \"in\" {m}", x="y"} 1.0"#,
        ),
    ] {
        check(line, &[entry]);
    }
}

#[test]
fn values() {
    for (text, value) in [
        ("0", "0.0"),
        ("-0", "-0.0"),
        ("+1", "1.0"),
        ("1e3", "1000.0"),
        ("4.9351e-05", "4.9351e-5"),
        ("1.7976931348623157e+308", "1.7976931348623157e308"),
        ("9007199254740993", "9007199254740992.0"),
        (
            "0.1000000000000000055511151231257827021181583404541015625",
            "0.1",
        ),
        ("Inf", "inf"),
        ("+Inf", "inf"),
        ("-inf", "-inf"),
        ("infinity", "inf"),
        ("NaN", "NaN"),
        ("nan", "NaN"),
    ] {
        check(
            &format!("a {text}"),
            &[&format!("a => {{__name__=\"a\"}} {value}")],
        );
    }
    for text in ["a NaN", "a nAN"] {
        let Some(Ok(Entry::Series(series))) =
            Parser::new(text.as_bytes(), Format::PrometheusText).next()
        else {
            panic!("a series");
        };
        assert_eq!(
            series.value.to_bits(),
            narthex_model::sample::NORMAL_NAN_BITS
        );
    }
}

#[test]
fn bounds_in_labels_are_written_as_open_metrics_writes_them() {
    check(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2.50\"} 1\nh_bucket{le=\"+Inf\"} 1\n\
         h_bucket{le=\"x\"} 1\nh_bucket{quantile=\"1\"} 1\n# TYPE s summary\ns{quantile=\"0\"} 1\n\
         s{quantile=\"1e6\"} 1\ns{le=\"1\"} 1\n# TYPE g gauge\ng{le=\"1\",quantile=\"1\"} 1\n",
        &[
            r#"TYPE "h" histogram"#,
            r#"h_bucket{le="1"} => {__name__="h_bucket", le="1.0"} 1.0"#,
            r#"h_bucket{le="2.50"} => {__name__="h_bucket", le="2.5"} 1.0"#,
            r#"h_bucket{le="+Inf"} => {__name__="h_bucket", le="+Inf"} 1.0"#,
            r#"h_bucket{le="x"} => {__name__="h_bucket", le="x"} 1.0"#,
            r#"h_bucket{quantile="1"} => {__name__="h_bucket", quantile="1"} 1.0"#,
            r#"TYPE "s" summary"#,
            r#"s{quantile="0"} => {__name__="s", quantile="0.0"} 1.0"#,
            r#"s{quantile="1e6"} => {__name__="s", quantile="1e+06"} 1.0"#,
            r#"s{le="1"} => {__name__="s", le="1"} 1.0"#,
            r#"TYPE "g" gauge"#,
            r#"g{le="1",quantile="1"} => {__name__="g", le="1", quantile="1"} 1.0"#,
        ],
    );
}

#[test]
fn a_label_that_comes_twice_is_an_error_of_the_labels() {
    check(
        r#"a{b="1",b="2"} 1"#,
        &[r#"a{b="1",b="2"} => label name "b" is not unique: invalid sample 1.0"#],
    );
    check(
        r#"a{__name__="b"} 1"#,
        &[r#"a{__name__="b"} => label name "__name__" is not unique: invalid sample 1.0"#],
    );
}

#[test]
fn errors() {
    for (body, error) in [
        (
            "a",
            r#"expected value after metric, got "\n" ("INVALID") while parsing: "a\n""#,
        ),
        (
            "a{",
            r#"expected label name, got "\n" ("INVALID") while parsing: "a{\n""#,
        ),
        (
            "a{b",
            r#"expected equal, got "\n" ("INVALID") while parsing: "a{b\n""#,
        ),
        (
            "a{b=",
            r#"expected label value, got "\n" ("INVALID") while parsing: "a{b=\n""#,
        ),
        (
            "a{b=\"",
            r#"expected label value, got "\"\n" ("INVALID") while parsing: "a{b=\"\n""#,
        ),
        (
            "a{b=\"c\\",
            r#"expected label value, got "\"c\\\n" ("INVALID") while parsing: "a{b=\"c\\\n""#,
        ),
        (
            "a{b=\"c\"",
            r#"expected label name, got "\n" ("INVALID") while parsing: "a{b=\"c\"\n""#,
        ),
        (
            "a{b='c'} 1\n",
            r#"expected label value, got "'" ("INVALID") while parsing: "a{b='""#,
        ),
        (
            "a{b=c} 1\n",
            r#"expected label value, got "c" ("INVALID") while parsing: "a{b=c""#,
        ),
        (
            "a{b==\"c\"} 1\n",
            r#"expected label value, got "=" ("INVALID") while parsing: "a{b==""#,
        ),
        (
            "a{=\"c\"} 1\n",
            r#"expected label name, got "=\"" ("EQUAL") while parsing: "a{=\"""#,
        ),
        (
            "a{,} 1\n",
            r#"expected label name, got ",}" ("COMMA") while parsing: "a{,}""#,
        ),
        (
            "a{b=\"c\",,} 1\n",
            r#"expected label name, got ",}" ("COMMA") while parsing: "a{b=\"c\",,}""#,
        ),
        (
            "a{b} 1\n",
            r#"expected equal, got "} " ("BCLOSE") while parsing: "a{b} ""#,
        ),
        (
            "a{b,} 1\n",
            r#"expected equal, got ",}" ("COMMA") while parsing: "a{b,}""#,
        ),
        (
            "a{1=\"c\"} 1\n",
            r#"expected label name, got "1" ("INVALID") while parsing: "a{1""#,
        ),
        (
            "a{b:c=\"d\"} 1\n",
            r#"expected equal, got ":" ("INVALID") while parsing: "a{b:""#,
        ),
        (
            "a{b=\"c\"}{} 1\n",
            r#"expected value after metric, got "{}" ("BOPEN") while parsing: "a{b=\"c\"}{}""#,
        ),
        ("{} 1\n", r#"metric name not set while parsing: "{} 1""#),
        (
            "{b=\"c\"} 1\n",
            r#"metric name not set while parsing: "{b=\"c\"} 1""#,
        ),
        (
            "{\"a\",\"b\"} 1\n",
            r#"metric name already set while parsing: "{\"a\",\"b\"}""#,
        ),
        (
            "a{\"b\"} 1\n",
            r#"metric name already set while parsing: "a{\"b\"}""#,
        ),
        (
            "{\"a\" \"b\"} 1\n",
            r#"expected equal, got "\"b\"}" ("QSTRING") while parsing: "{\"a\" \"b\"}""#,
        ),
        (
            "{\"a\0\"} 1\n",
            r#"expected label name, got "\"a\x00" ("INVALID") while parsing: "{\"a\x00""#,
        ),
        (
            "9a 1\n",
            r#"expected a valid start token, got "9" ("INVALID") while parsing: "9""#,
        ),
        (
            " \t9a 1\n",
            r#"expected a valid start token, got "9" ("INVALID") while parsing: " \t9""#,
        ),
        (
            "=\n",
            r#"expected a valid start token, got "=" ("INVALID") while parsing: "=""#,
        ),
        (
            "\0a 1\n",
            r#"expected a valid start token, got "\x00" ("INVALID") while parsing: "\x00""#,
        ),
        (
            "a\0 1\n",
            r#"expected value after metric, got "\x00" ("INVALID") while parsing: "a\x00""#,
        ),
        (
            "a true\n",
            r#"strconv.ParseFloat: parsing "true": invalid syntax while parsing: "a true""#,
        ),
        (
            "a 1\r\n",
            r#"strconv.ParseFloat: parsing "1\r": invalid syntax while parsing: "a 1\r""#,
        ),
        (
            "a +NaN\n",
            r#"strconv.ParseFloat: parsing "+NaN": invalid syntax while parsing: "a +NaN""#,
        ),
        (
            "a 1e999\n",
            r#"strconv.ParseFloat: parsing "1e999": value out of range while parsing: "a 1e999""#,
        ),
        (
            "a 0x12\n",
            r#"strconv.ParseFloat: parsing "0x12": invalid syntax while parsing: "a 0x12""#,
        ),
        (
            "a 0x1p2\n",
            r#"unsupported character in float while parsing: "a 0x1p2""#,
        ),
        (
            "a 1_000\n",
            r#"unsupported character in float while parsing: "a 1_000""#,
        ),
        (
            "a 1 -5\n",
            r#"expected timestamp or new record, got "-" ("INVALID") while parsing: "a 1 -""#,
        ),
        (
            "a 1 1.5\n",
            r#"expected next entry after timestamp, got "." ("INVALID") while parsing: "a 1 1.""#,
        ),
        (
            "a 1 2 3\n",
            r#"expected next entry after timestamp, got "3\n" ("TIMESTAMP") while parsing: "a 1 2 3\n""#,
        ),
        (
            "a 1 2 # {b=\"c\"} 1\n",
            r##"expected next entry after timestamp, got "#" ("INVALID") while parsing: "a 1 2 #""##,
        ),
        (
            "a 1 99999999999999999999\n",
            r#"strconv.ParseInt: parsing "99999999999999999999": value out of range while parsing: "a 1 99999999999999999999""#,
        ),
        (
            "# TYPE 9 gauge\n",
            r##"expected metric name after TYPE, got "9" ("INVALID") while parsing: "# TYPE 9""##,
        ),
        (
            "# HELP \n",
            r##"expected metric name after HELP, got "\n" ("INVALID") while parsing: "# HELP \n""##,
        ),
        ("# TYPE a\n", r#"invalid metric type """#),
        ("# TYPE a unknown\n", r#"invalid metric type "unknown""#),
        ("# TYPE a gauge \n", r#"invalid metric type "gauge ""#),
        ("# TYPE a  gauge\n", r#"invalid metric type " gauge""#),
        ("# TYPE a Gauge\r\n", r#"invalid metric type "Gauge\r""#),
    ] {
        page::check_error(body.as_bytes(), Format::PrometheusText, error);
    }
}

#[test]
fn what_is_not_utf8_says_where() {
    for (body, error, offset, line) in [
        (
            &b"a 1\na{b=\"\xff\"} 1\n"[..],
            r#"invalid UTF-8 label value: "\"\xff\"""#,
            8,
            2,
        ),
        (
            b"a 1\na{\xff=\"c\"} 1\n",
            r#"expected label name, got "\xff" ("INVALID") while parsing: "a{\xff""#,
            6,
            2,
        ),
        (
            b"# HELP a \xc3\n",
            r#"help text "\xc3" is not a valid utf8 string"#,
            8,
            1,
        ),
        (b"a 1\n# \xff\n", "invalid UTF-8 at byte 6", 6, 2),
        (b"{\"a\xff\"} 1\n", "invalid UTF-8 at byte 3", 3, 1),
        (b"a{\"b\xff\"=\"c\"} 1\n", "invalid UTF-8 at byte 4", 4, 1),
        (
            b"a 1\xff\n",
            r#"strconv.ParseFloat: parsing "1\xff": invalid syntax while parsing: "a 1\xff""#,
            2,
            1,
        ),
    ] {
        let (_, fault) = page::read(body, Format::PrometheusText);
        let fault = fault.unwrap();
        assert_eq!(
            (fault.to_string().as_str(), fault.offset(), fault.line()),
            (error, offset, line)
        );
    }
}

#[test]
fn after_an_error_nothing_is_read() {
    let mut parser = Parser::new(b"a 1\n9\nb 2\n", Format::PrometheusText);
    assert!(parser.next().is_some_and(|entry| entry.is_ok()));
    assert!(parser.next().is_some_and(|entry| entry.is_err()));
    assert_eq!(parser.next(), None);
    assert_eq!(parser.next(), None);
}
