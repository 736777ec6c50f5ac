//! What came of testing a plugin, for people and for programs.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::samples::Difference;

/// Lines of differences that are shown of one fixture; those beyond are counted.
const DIFFERENCES_SHOWN_MAX: usize = 40;

/// What came of testing a plugin.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Whether all fixtures passed.
    pub passed: bool,
    /// What came of each fixture.
    pub fixtures: Vec<FixtureReport>,
    /// What is no fault, but not as it should be.
    pub warnings: Vec<String>,
}

/// What came of one fixture.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FixtureReport {
    /// Its name.
    pub name: String,
    /// What it shows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether nothing was wrong.
    pub passed: bool,
    /// Samples of the first call.
    pub samples: usize,
    /// Calls in all.
    pub calls: u32,
    /// The median of the calls' durations, answers of the played servers included.
    pub call_seconds: f64,
    /// The memory of an instance after the last call.
    pub memory_bytes: u64,
    /// The host's interfaces that it called.
    pub interfaces: Vec<String>,
    /// What was wrong.
    pub faults: Vec<Fault>,
    /// What the plugin logged, and what the host said of it.
    pub log: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The fixture cannot be played, or the plugin not be loaded.
    Setup {
        /// Why.
        message: String,
    },
    /// A call failed that was to bring something, or brought something that is none.
    Call {
        /// The error.
        message: String,
    },
    /// A call was to fail, and did not, or in another way.
    Expectation {
        /// How.
        message: String,
    },
    /// Samples or groups are not as expected.
    Different {
        /// Line by line.
        #[serde(serialize_with = "as_texts")]
        differences: Vec<Difference>,
    },
    /// The plugin did not say what the dialogue has.
    Dialogue {
        /// What the server says of it.
        message: String,
    },
    /// It wanted what its manifest does not ask for.
    Undeclared {
        /// What to do about it.
        message: String,
    },
    /// Two instances made different things of the same dialogue.
    Unsteady {
        /// Line by line.
        #[serde(serialize_with = "as_texts")]
        differences: Vec<Difference>,
    },
    /// Its memory grows from call to call.
    Leak {
        /// How much.
        message: String,
    },
    /// It logged an error.
    LoggedError {
        /// The line.
        message: String,
    },
}

fn as_texts<S: Serializer>(differences: &[Difference], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(differences.iter().map(ToString::to_string))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup { message }
            | Self::Expectation { message }
            | Self::Dialogue { message }
            | Self::Undeclared { message }
            | Self::Leak { message } => f.write_str(message),
            Self::Call { message } => write!(f, "the call failed: {message}"),
            Self::LoggedError { message } => write!(f, "it logged an error: {message}"),
            Self::Different { differences } => {
                f.write_str("not as expected (- missing, + not expected, ! different):")?;
                write_differences(f, differences)
            }
            Self::Unsteady { differences } => {
                f.write_str(
                    "two instances answered differently to the same dialogue; where that is \
                     meant, expect `*` or list the metric in `varying`:",
                )?;
                write_differences(f, differences)
            }
        }
    }
}

fn write_differences(f: &mut fmt::Formatter<'_>, differences: &[Difference]) -> fmt::Result {
    for difference in differences.iter().take(DIFFERENCES_SHOWN_MAX) {
        write!(f, "\n  {difference}")?;
    }
    match differences.len().checked_sub(DIFFERENCES_SHOWN_MAX) {
        Some(more @ 1..) => write!(f, "\n  ... and {more} more"),
        _ => Ok(()),
    }
}

impl FixtureReport {
    /// The line with its verdict.
    pub fn line(&self) -> String {
        let name = &self.name;
        match self.passed {
            false => format!("fixture {name} ... FAILED"),
            true if self.calls <= 2 => format!("fixture {name} ... ok"),
            true => format!(
                "fixture {name} ... ok ({} samples, {} a call, {} KiB)",
                self.samples,
                duration(self.call_seconds),
                self.memory_bytes / 1024
            ),
        }
    }
}

impl Report {
    /// The name of the plugin and the number of its fixtures.
    pub fn heading(plugin: &str, version: &str, fixtures: usize) -> String {
        let plural = if fixtures == 1 { "" } else { "s" };
        format!("plugin {plugin} {version}: {fixtures} fixture{plural}")
    }

    /// The faults fixture by fixture, the warnings, and the verdict.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for fixture in self.fixtures.iter().filter(|fixture| !fixture.passed) {
            text.push_str(&format!("\n---- {} ----\n", fixture.name));
            for fault in &fixture.faults {
                text.push_str(&format!("{fault}\n"));
            }
            if !fixture.log.is_empty() {
                text.push_str("its log:\n");
                for line in &fixture.log {
                    text.push_str(&format!("  {line}\n"));
                }
            }
        }
        if !self.warnings.is_empty() {
            text.push('\n');
        }
        for warning in &self.warnings {
            text.push_str(&format!("warning: {warning}\n"));
        }
        let failed = self
            .fixtures
            .iter()
            .filter(|fixture| !fixture.passed)
            .count();
        let verdict = if self.passed { "ok" } else { "FAILED" };
        text.push_str(&format!(
            "\ntest result: {verdict}. {} passed; {failed} failed\n",
            self.fixtures.len() - failed
        ));
        text
    }
}

/// A length of time with three digits.
pub fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "us"),
    };
    let digits = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let different = |count: usize| Fault::Different {
            differences: vec![Difference::Missing("a 1".to_owned()); count],
        };
        Report {
            plugin: "x".to_owned(),
            version: "1".to_owned(),
            passed: false,
            fixtures: vec![
                FixtureReport {
                    name: "good".to_owned(),
                    passed: true,
                    samples: 3,
                    calls: 202,
                    call_seconds: 0.00123,
                    memory_bytes: 65536,
                    ..FixtureReport::default()
                },
                FixtureReport {
                    name: "bad".to_owned(),
                    faults: vec![different(42)],
                    log: vec!["warn hm".to_owned()],
                    ..FixtureReport::default()
                },
            ],
            warnings: vec!["careful".to_owned()],
        }
    }

    #[test]
    fn a_report_reads_like_a_test_runners() {
        let report = report();
        let lines: Vec<String> = report.fixtures.iter().map(FixtureReport::line).collect();
        assert_eq!(
            lines,
            [
                "fixture good ... ok (3 samples, 1.23 ms a call, 64 KiB)",
                "fixture bad ... FAILED"
            ]
        );
        let summary = report.summary();
        let head = "\n---- bad ----\nnot as expected (- missing, + not expected, ! different):\n  \
                    - a 1\n";
        assert!(summary.starts_with(head), "{summary}");
        let tail = "  - a 1\n  ... and 2 more\nits log:\n  warn hm\n\nwarning: careful\n\ntest \
                    result: FAILED. 1 passed; 1 failed\n";
        assert!(summary.ends_with(tail), "{summary}");
    }

    #[test]
    fn a_program_gets_the_same_as_json() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["fixtures"][0]["passed"], true);
        let fault = &json["fixtures"][1]["faults"][0];
        assert_eq!(fault["kind"], "different");
        assert_eq!(fault["differences"][0], "- a 1");
    }

    #[test]
    fn durations_have_three_digits() {
        for (seconds, text) in [
            (12.34, "12.3 s"),
            (0.1234, "123 ms"),
            (0.001234, "1.23 ms"),
            (0.0000012, "1.20 us"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
