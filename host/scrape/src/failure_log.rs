//! `scrape_failure_log_file`: one line of JSON for each scrape that failed.
//!
//! It is not: a log that is rotated or bounded. Whoever turns it on does that, in place, because
//! the file stays open.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::{ScrapeError, Target};

/// A file that failures are written to.
#[derive(Debug)]
pub(crate) struct FailureLog {
    path: String,
    file: Mutex<File>,
    /// Whether the last line could not be written, so that only a change is logged.
    is_failing: AtomicBool,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    msg: String,
    job_name: &'a str,
    target: &'a str,
}

impl FailureLog {
    /// Opens the file to write at its end; makes it where it is not there.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(OpenOptions::new().append(true).create(true).open(path)?),
            is_failing: AtomicBool::new(false),
        })
    }

    /// Writes that a scrape failed which began at `now_ms`. Targets over `target_limit` were not
    /// scraped, and are not written.
    pub(crate) fn write(&self, job: &str, target: &Target, error: &ScrapeError, now_ms: i64) {
        if matches!(error, ScrapeError::TargetLimit { .. }) {
            return;
        }
        let line = Line {
            time: rfc3339(now_ms),
            level: "ERROR",
            msg: error.to_string(),
            job_name: job,
            target: target.url(),
        };
        let written = serde_json::to_vec(&line).map_err(io::Error::from);
        let written = written.and_then(|mut line| {
            line.push(b'\n');
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&line)
        });
        let was_failing = self.is_failing.swap(written.is_err(), Ordering::Relaxed);
        if let Err(error) = &written
            && !was_failing
        {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, path = self.path, "a failed scrape cannot be logged");
        }
    }
}

/// A time in UTC: `2006-01-02T15:04:05.000Z`.
fn rfc3339(time_ms: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    let (days, in_day) = (time_ms.div_euclid(DAY_MS), time_ms.rem_euclid(DAY_MS));
    // Years that begin in March have their leap day last; 719,468 days lie between the first of
    // them and 1970, and 146,097 are in 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leaps = of_era / 1_460 - of_era / 36_524 + of_era / 146_096;
    let year_of_era = (of_era - leaps) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let is_new_year = month >= 10;
    let month = if is_new_year { month - 9 } else { month + 3 };
    let year = era * 400 + year_of_era + i64::from(is_new_year);
    let (seconds, millis) = (in_day / 1000, in_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use narthex_model::Labels;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time_ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_735_689_599_123, "2024-12-31T23:59:59.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(time_ms), expected);
        }
    }

    #[test]
    fn each_failure_is_a_line_at_the_end_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("failures.log");
        let path = path.to_str().unwrap();
        let labels = [("__address__", "a:1"), ("__scheme__", "http")];
        let labels = Labels::from_pairs(labels);
        let target = Target::new(labels, Labels::empty(), &BTreeMap::new());
        for error in [
            ScrapeError::Collect("Get \"http://a:1\": EOF\nfoo".to_owned()),
            ScrapeError::TargetLimit {
                targets: 2,
                limit: 1,
            },
            ScrapeError::SampleLimit,
        ] {
            let log = FailureLog::open(path).unwrap();
            log.write("j", &target, &error, 1000);
        }
        let line = |message: &str| {
            format!(
                "{{\"time\":\"1970-01-01T00:00:01.000Z\",\"level\":\"ERROR\",\"msg\":\"{message}\",\
                 \"job_name\":\"j\",\"target\":\"http://a:1\"}}\n"
            )
        };
        let expected = [
            line("Get \\\"http://a:1\\\": EOF\\nfoo"),
            line("sample limit exceeded"),
        ];
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected.concat());
        assert!(FailureLog::open("/nonexistent/failures.log").is_err());
    }
}
