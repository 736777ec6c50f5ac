//! Pages that mean harm: they end in an entry or an error, soon, and in little memory.

use narthex_exposition::{Entry, Format, Parser};

use crate::page;

const FORMATS: [Format; 2] = [Format::PrometheusText, Format::OpenMetrics];

#[track_caller]
fn check(body: &[u8], expect: &str) {
    for format in FORMATS {
        let (entries, error) = page::read(body, format);
        assert!(entries.len() < 2);
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.starts_with(expect), "{format:?}: {:.200}", message);
        // However long the line, the message quotes little of it.
        assert!(message.len() < 40_000, "{}", message.len());
    }
}

#[test]
fn a_million_braces() {
    check(&b"{".repeat(1_000_000), "expected label name, got");
    check(&b"a{".repeat(1_000_000), "expected equal, got");
    check(&[b"a", b"}".repeat(1_000_000).as_slice()].concat(), "");
}

#[test]
fn quotes_that_never_close() {
    let open = [b"a{b=\"".as_slice(), &b"x".repeat(1_000_000)].concat();
    check(&open, "expected label value, got");
    let escapes = [b"a{b=\"".as_slice(), &b"\\\"".repeat(1_000_000)].concat();
    check(&escapes, "expected label value, got");
    let nuls = [b"a{b=\"".as_slice(), &vec![0; 1_000_000]].concat();
    check(&nuls, "expected label value, got");
}

#[test]
fn a_value_of_a_megabyte() {
    for digit in [b"1".as_slice(), b"-", b"x", b"."] {
        let body = [b"a ".as_slice(), &digit.repeat(1_000_000), b"\n"].concat();
        check(&body, "strconv.ParseFloat: parsing \"");
    }
    let body = [b"a 0.".as_slice(), &b"0".repeat(1_000_000), b"1\n# EOF\n"].concat();
    for format in FORMATS {
        let (entries, error) = page::read(&body, format);
        assert_eq!(
            (entries.as_slice(), error),
            (["a => {__name__=\"a\"} 0.0".to_owned()].as_slice(), None)
        );
    }
}

#[test]
fn a_label_value_of_a_megabyte_is_read() {
    let value = "y".repeat(1_000_000);
    let body = format!("a{{b=\"{value}\"}} 1\n# EOF\n");
    for format in FORMATS {
        let Some(Ok(Entry::Series(series))) = Parser::new(body.as_bytes(), format).next() else {
            panic!("a series");
        };
        assert_eq!(series.labels().unwrap().get("b"), Some(value.as_str()));
    }
}

#[test]
fn a_hundred_thousand_labels_are_read() {
    let labels: String = (0..100_000).map(|n| format!("l{n}=\"{n}\",")).collect();
    let body = format!("a{{{labels}}} 1\n# EOF\n");
    for format in FORMATS {
        let Some(Ok(Entry::Series(series))) = Parser::new(body.as_bytes(), format).next() else {
            panic!("a series");
        };
        assert_eq!(series.label_pairs().count(), 100_001);
        assert_eq!(series.labels().unwrap().len(), 100_001);
    }
}

#[test]
fn a_million_blank_lines_and_comments() {
    let body = "\n# c\n#\n".repeat(300_000);
    assert_eq!(
        page::read(body.as_bytes(), Format::PrometheusText),
        (vec![], None)
    );
}

#[test]
fn noise() {
    let mut state = 7_u64;
    for length in 0..2_000 {
        let body: Vec<u8> = (0..length % 97)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_le_bytes()[6]
            })
            .collect();
        for format in FORMATS {
            let _ = page::read(&body, format);
        }
    }
}
