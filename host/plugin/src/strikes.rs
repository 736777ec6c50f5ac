//! When a plugin that failed may try again: at once after the first failure, later after each
//! further one, and after too many in a short time not for a long while.
//!
//! Only what the plugin did counts (a trap, an endless loop, too much memory), not what it met: a
//! target that does not answer is no fault of the one who asks.
//!
//! It is not: what counts calls for metrics.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::{
    BACKOFF_FIRST, BACKOFF_LONGEST, QUARANTINE, QUARANTINE_FAILURES, QUARANTINE_WINDOW,
};

/// The failures of one job with one target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strikes {
    /// When the failures of the last while happened, the oldest first.
    recent_ms: VecDeque<i64>,
    /// Failures since the last success.
    in_a_row: u32,
    barred: Option<Barred>,
}

/// A time in which nothing is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Barred {
    pub(crate) until_ms: i64,
    pub(crate) is_quarantine: bool,
}

impl Barred {
    /// The time at which it is over, in UTC.
    pub(crate) fn until(&self) -> String {
        let seconds = self.until_ms.div_euclid(1000);
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days from the first of March of the year 0, in cycles of 400 years.
        let day = day + 719_468;
        let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year + cycle * 400 + i64::from(month <= 2);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let second = second % 60;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl std::fmt::Display for Barred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.is_quarantine {
            true => "in quarantine",
            false => "not tried again",
        };
        write!(f, "{what} until {} after", self.until())
    }
}

impl Strikes {
    /// Whether it is to wait at this time.
    pub(crate) fn barred(&self, now_ms: i64) -> Option<Barred> {
        self.barred.filter(|barred| now_ms < barred.until_ms)
    }

    /// A call went well.
    pub(crate) fn succeed(&mut self) {
        self.in_a_row = 0;
        self.barred = None;
    }

    /// Whether the last call ended an instance.
    pub(crate) fn is_failing(&self) -> bool {
        self.in_a_row > 0
    }

    /// A call ended an instance. Returns the time that is to pass now.
    pub(crate) fn fail(&mut self, now_ms: i64) -> Option<Barred> {
        let was_quarantined = self.barred.is_some_and(|barred| barred.is_quarantine);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let oldest_ms = now_ms.saturating_sub(millis(QUARANTINE_WINDOW));
        self.recent_ms.retain(|at_ms| *at_ms > oldest_ms);
        self.recent_ms.push_back(now_ms);
        // One that fails on its first try after a quarantine is put back.
        let is_quarantine = was_quarantined || self.recent_ms.len() >= QUARANTINE_FAILURES;
        let wait = match (is_quarantine, self.in_a_row.checked_sub(2)) {
            (true, _) => Some(QUARANTINE),
            (false, None) => None,
            (false, Some(doublings)) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                Some(BACKOFF_FIRST.saturating_mul(factor).min(BACKOFF_LONGEST))
            }
        };
        self.barred = wait.map(|wait| Barred {
            until_ms: now_ms.saturating_add(millis(wait)),
            is_quarantine,
        });
        self.barred
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_clean(&self, now_ms: i64) -> bool {
        let oldest_ms = now_ms.saturating_sub(millis(QUARANTINE_WINDOW));
        self.barred(now_ms).is_none()
            && self.in_a_row == 0
            && self
                .recent_ms
                .back()
                .is_none_or(|at_ms| *at_ms <= oldest_ms)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script of `f` (a failure) and `s` (a success), each so many seconds after the one
    /// before, and says after each how many seconds are to pass; `q` marks a quarantine.
    fn play(script: &[(char, i64)]) -> Vec<String> {
        let (mut strikes, mut now_ms) = (Strikes::default(), 0);
        let mut said = Vec::new();
        for (what, after_s) in script {
            now_ms += after_s * 1000;
            match what {
                'f' => drop(strikes.fail(now_ms)),
                _ => strikes.succeed(),
            }
            said.push(match strikes.barred(now_ms) {
                None => "-".to_owned(),
                Some(barred) => {
                    let mark = if barred.is_quarantine { "q" } else { "" };
                    format!("{mark}{}", (barred.until_ms - now_ms) / 1000)
                }
            });
        }
        said
    }

    #[test]
    fn the_first_failure_is_free_and_further_ones_wait_longer() {
        let script = [('f', 0), ('f', 1), ('f', 10), ('f', 20), ('s', 30)];
        assert_eq!(play(&script), ["-", "5", "10", "20", "-"]);
    }

    #[test]
    fn five_failures_in_ten_minutes_are_a_quarantine_even_with_successes_between() {
        let mut script = [('f', 60), ('s', 1)].repeat(4);
        script.push(('f', 60));
        let said = play(&script);
        assert_eq!(said[..8], ["-"; 8]);
        assert_eq!(said[8], "q600");
    }

    #[test]
    fn rare_failures_never_end_in_quarantine() {
        let script = [('f', 151), ('s', 1)].repeat(50);
        assert!(play(&script).iter().all(|said| said == "-"));
    }

    #[test]
    fn one_try_after_a_quarantine_decides() {
        let mut script = vec![('f', 1); 5];
        script.extend([('f', 601), ('s', 601), ('f', 1)]);
        assert_eq!(play(&script)[4..], ["q600", "q600", "-", "-"]);
    }

    #[test]
    fn delays_are_bounded() {
        let script = vec![('f', 200); 40];
        let said = play(&script);
        assert_eq!(said[..4], ["-", "5", "10", "20"]);
        assert!(!said.iter().any(|said| said.starts_with('q')), "{said:?}");
        assert_eq!(said[39], "300");
    }

    #[test]
    fn times_are_told_in_utc() {
        for (until_ms, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_999, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_700_000_005_000, "2023-11-14T22:13:25Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            let barred = Barred {
                until_ms,
                is_quarantine: false,
            };
            assert_eq!(barred.until(), expected);
        }
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut strikes = Strikes::default();
        assert!(strikes.is_clean(0));
        strikes.fail(0);
        strikes.succeed();
        assert!(!strikes.is_clean(1000));
        assert!(strikes.is_clean(600_000));
    }
}
