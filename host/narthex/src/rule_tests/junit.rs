//! How tests went, as JUnit's XML: a suite a file, a case a test, with promtool's elements.
//!
//! It is not: what runs them.

use jiff::Timestamp;

/// How the tests of a file went.
#[derive(Debug, Default)]
pub(super) struct Suite {
    /// The file.
    pub(super) name: String,
    /// When they began.
    pub(super) timestamp_ms: i64,
    /// Why there are no tests.
    pub(super) errors: Vec<String>,
    /// The tests that were run.
    pub(super) cases: Vec<Case>,
}

/// How a test went.
#[derive(Debug)]
pub(super) struct Case {
    /// Its name.
    pub(super) name: String,
    /// What failed.
    pub(super) failures: Vec<String>,
}

impl Suite {
    /// All that is wrong.
    pub(super) fn failures(&self) -> impl Iterator<Item = &String> {
        let cases = self.cases.iter().flat_map(|case| &case.failures);
        self.errors.iter().chain(cases)
    }
}

/// Prints them.
pub(super) fn xml(suites: &[Suite]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for suite in suites {
        // A file that cannot be read has one case, which tells why.
        let errors = suite.errors.len();
        let tests = suite.cases.len() + usize::from(errors > 0);
        let failures: usize = suite.cases.iter().map(|case| case.failures.len()).sum();
        let (name, time) = (escaped(&suite.name), time(suite.timestamp_ms));
        text += &format!(
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" \
             errors=\"{errors}\" skipped=\"0\" timestamp=\"{time}\">\n"
        );
        if errors > 0 {
            let errors = suite.errors.iter();
            let errors = errors.map(|error| element("error", error));
            text += &case("unknown", errors.collect());
        }
        for own in &suite.cases {
            let failures = own.failures.iter();
            let failures = failures.map(|failure| element("failure", failure));
            text += &case(&own.name, failures.collect());
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

fn case(name: &str, inside: String) -> String {
    let name = escaped(name);
    match inside.is_empty() {
        true => format!("    <testcase name=\"{name}\"></testcase>\n"),
        false => format!("    <testcase name=\"{name}\">\n{inside}    </testcase>\n"),
    }
}

fn element(name: &str, text: &str) -> String {
    format!("      <{name}>{}</{name}>\n", escaped(text))
}

/// UTC without a zone, as JUnit wants it.
fn time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// What may stand in an element and in an attribute. What XML has no way to write is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&#34;"),
            '\n' => escaped.push_str("&#xA;"),
            '\t' => escaped.push_str("&#x9;"),
            '\r' => escaped.push_str("&#xD;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_cases_have_their_counts_and_texts() {
        let suites = [
            Suite {
                name: "a\"b.yml".to_owned(),
                timestamp_ms: 1_700_000_000_123,
                cases: vec![
                    Case {
                        name: "holds".to_owned(),
                        failures: Vec::new(),
                    },
                    Case {
                        name: "unnamed#1".to_owned(),
                        failures: vec!["x < 1\n\u{1}".to_owned(), "y".to_owned()],
                    },
                ],
                ..Suite::default()
            },
            Suite {
                name: "c.yml".to_owned(),
                errors: vec!["no file".to_owned()],
                ..Suite::default()
            },
        ];
        let expected = r##"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="a&#34;b.yml" tests="2" failures="2" errors="0" skipped="0" timestamp="2023-11-14T22:13:20">
    <testcase name="holds"></testcase>
    <testcase name="unnamed#1">
      <failure>x &lt; 1&#xA;�</failure>
      <failure>y</failure>
    </testcase>
  </testsuite>
  <testsuite name="c.yml" tests="1" failures="0" errors="1" skipped="0" timestamp="1970-01-01T00:00:00">
    <testcase name="unknown">
      <error>no file</error>
    </testcase>
  </testsuite>
</testsuites>
"##;
        assert_eq!(xml(&suites), expected);
    }
}
