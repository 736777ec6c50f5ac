//! A plugin beside the exporter whose names it has taken over, both asked about the same thing.
//!
//! One Narthex scrapes both, as the jobs `ours` and `theirs`. A value of ours was read between two
//! of theirs, so it has to lie between them, but for what moves up and down.

use std::collections::BTreeSet;

use narthex_tests::{Narthex, until};

/// What the two are compared by.
pub(crate) struct Comparison<'a> {
    /// The beginning of the families' names.
    pub(crate) prefix: &'a str,
    /// A series of both that has one sample, to tell scrapes apart by.
    pub(crate) beat: &'a str,
    /// A regular expression of families that are not compared: those about the exporter itself,
    /// and those that the plugin's page says it does not have.
    pub(crate) left_out: &'a str,
    /// How far outside of the two a value may lie, as a part of it.
    pub(crate) slack: f64,
}

impl Comparison<'_> {
    /// Compares, until all series of theirs are there in ours with values that fit.
    ///
    /// # Panics
    /// They never are.
    pub(crate) fn check(&self, narthex: &Narthex) {
        let (exact, all) = until(180, "the same from both", || self.once(narthex));
        println!(
            "{}: {exact} of {all} values equal to the digit",
            self.prefix
        );
        assert!(exact * 2 > all, "{exact} of {all} are equal");
    }

    fn select(&self, job: &str) -> String {
        format!(
            r#"{{job="{job}",__name__=~"{}.+",__name__!~"{}"}}"#,
            self.prefix, self.left_out
        )
    }

    /// When a job was scraped last.
    fn scraped(&self, narthex: &Narthex, job: &str) -> Result<f64, String> {
        let series = narthex.query(&format!(r#"timestamp({}{{job="{job}"}})"#, self.beat))?;
        let time = series.values().next().ok_or("no scrape yet")?;
        time.parse().map_err(|_| time.clone())
    }

    fn once(&self, narthex: &Narthex) -> Result<(usize, usize), String> {
        let later = |job: &str, than: f64| {
            until(60, "another scrape", || {
                match self.scraped(narthex, job)? {
                    time if time > than => Ok(time),
                    time => Err(format!("{time} is not behind {than}")),
                }
            })
        };
        let start = self.scraped(narthex, "theirs")?;
        let before = narthex.query(&self.select("theirs"))?;
        let middle = later("ours", start);
        let ours = narthex.query(&self.select("ours"))?;
        later("theirs", middle);
        let after = narthex.query(&self.select("theirs"))?;

        let (mut exact, mut all) = (0, 0);
        let mut faults = BTreeSet::new();
        for (labels, before) in &before {
            // A series that came or went in between is nobody's fault.
            let Some(after) = after.get(labels) else {
                continue;
            };
            let same = labels.replace("theirs", "ours");
            let Some(value) = ours.get(&same) else {
                faults.insert(format!("{labels} is missing"));
                continue;
            };
            all += 1;
            if value == before || value == after {
                exact += 1;
                continue;
            }
            let number = |text: &String| text.parse::<f64>().map_err(|_| text.clone());
            let (before, value, after) = (number(before)?, number(value)?, number(after)?);
            let slack = self.slack * before.abs().max(after.abs());
            let fits = before.min(after) - slack <= value && value <= before.max(after) + slack;
            if !fits {
                faults.insert(format!("{labels}: {before}, ours {value}, {after}"));
            }
        }
        match faults.is_empty() && all > 0 {
            true => Ok((exact, all)),
            false => Err(format!("{} of {all}: {faults:#?}", faults.len())),
        }
    }
}
