//! The two servers with the same series, and what they are asked.

use std::fmt;

use narthex_tests::{Answer, Narthex, Target, http, peers, until};
use serde_json::Value;

use crate::data::{self, Data};
use crate::dice::Dice;
use crate::expression::Generator;

/// A query, and at which times.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) expression: String,
    path: String,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    {}", self.expression, self.path)
    }
}

/// Both servers.
pub(crate) struct Sides {
    narthex: Narthex,
    prometheus: peers::Peer,
    start_s: i64,
    end_s: i64,
    _target: Target,
    _folder: tempfile::TempDir,
}

impl Sides {
    /// Starts both, each with the series loaded its own way: Prometheus from blocks that promtool
    /// writes, Narthex from a page that it scrapes.
    pub(crate) fn start(data: &Data) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let prometheus = peers::prometheus_with(folder.path(), &data.open_metrics());
        let page = data.page();
        let target = Target::serve_text(move || page.clone());
        let narthex = Narthex::builder().config(config(&target.address())).start();
        let counts = data::metrics()
            .map(|metric| format!("sum(count_over_time({metric}[2h] @ {}))", data.end_s + 30));
        let count = counts.collect::<Vec<_>>().join(" + ");
        until(120, "the series", || {
            let sum = narthex.query(&count)?;
            match sum.get("{}").map(String::as_str) {
                Some(found) if found == data.samples().to_string() => Ok(()),
                found => Err(format!("{found:?} of {} samples", data.samples())),
            }
        });
        Self {
            narthex,
            prometheus,
            start_s: data.start_s,
            end_s: data.end_s,
            _target: target,
            _folder: folder,
        }
    }

    /// A random expression at random times.
    pub(crate) fn question(&self, dice: &mut Dice) -> Question {
        let time_s = self.time(dice);
        let at_s = self.time(dice);
        let expression = Generator::new(dice, at_s).expression();
        let query = http::encode(&expression);
        let path = if dice.percent(40) {
            format!("query?time={time_s}&query={query}")
        } else {
            let step_s = dice.one(&[15, 30, 60, 105, 300]);
            let end_s = time_s + step_s * i64::try_from(dice.below(40)).unwrap();
            format!("query_range?start={time_s}&end={end_s}&step={step_s}&query={query}")
        };
        Question { expression, path }
    }

    /// A time that is 7 s behind a multiple of 15 s: no window that ends there begins at an
    /// evaluation of a subquery.
    fn time(&self, dice: &mut Dice) -> i64 {
        let span = usize::try_from(self.end_s - self.start_s).unwrap();
        let within = i64::try_from(dice.below(span)).unwrap();
        (self.start_s + within).div_euclid(15) * 15 + 7
    }

    /// What both say.
    pub(crate) fn ask(&self, question: &Question) -> (Answer, Answer) {
        let ask = |url: &str| {
            let url = format!("{url}/api/v1/{}", question.path);
            let (_, body) = http::get(&url).unwrap_or_else(|error| panic!("{question}: {error}"));
            let json: Value =
                serde_json::from_str(&body).unwrap_or_else(|_| panic!("{question}: {body}"));
            Answer::read(&json)
        };
        (ask(&self.narthex.url()), ask(&self.prometheus.url()))
    }
}

fn config(target: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: series\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  \
         honor_labels: true\n  static_configs: [{{targets: ['{target}']}}]\n"
    )
}
