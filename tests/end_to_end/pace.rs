//! Whether a plugin's job kept its pace. It is judged by a job beside it with the same interval,
//! which scrapes a server of the test: a machine that has no time for the one has none for the
//! other, and that is no fault of what is tested.

use std::collections::BTreeMap;

use narthex_tests::{Narthex, Target, http};

/// So many ticks a job may lose where the one beside it loses none.
const CHANCE: i64 = 5;

/// When a job was scraped, in milliseconds, and whether it was up.
type Scrape = (i64, bool);

/// The job beside the one that is judged.
pub(crate) struct Pace {
    target: Target,
    interval_ms: i64,
}

impl Pace {
    pub(crate) fn of(interval_ms: i64) -> Self {
        let target = Target::serve_text(|| "beside 1\n".to_owned());
        Self {
            target,
            interval_ms,
        }
    }

    /// The job, as an entry of `scrape_configs`.
    pub(crate) fn job(&self) -> String {
        let address = self.target.address();
        format!("- job_name: beside\n  static_configs: [{{targets: ['{address}']}}]\n")
    }

    /// Checks that a job lost no scrape but to a machine that had no time for it, and says how
    /// many it made since it was up for the first time: until then its plugin is compiled.
    pub(crate) fn check(&self, narthex: &Narthex, plugin: &str, job: &str) -> usize {
        // Before the scrapes are read: none of these calls is newer than they are.
        let calls = calls(narthex, plugin, job);
        let all = scrapes(narthex, job);
        let beside = scrapes(narthex, "beside");
        let start = all.iter().position(|(_, is_up)| *is_up);
        let start = start.unwrap_or_else(|| panic!("{job} was never up: {all:?}"));
        let since: Vec<Scrape> = all[start..].to_vec();
        let beside = beside.into_iter().filter(|(time, _)| *time >= since[0].0);
        let beside: Vec<Scrape> = beside.collect();

        let count = |result: &str| calls.get(result).copied().unwrap_or(0);
        let known = ["ok", "timeout", "barred", "not_ready"];
        let is_known =
            |(result, count): (&String, &i64)| *count == 0 || known.contains(&result.as_str());
        assert!(calls.iter().all(is_known), "{calls:?}");
        let before = i64::try_from(start).unwrap();
        assert!(count("not_ready") <= before, "{calls:?}, {before} before");
        // Who was late again and again is not asked for a while.
        assert!(count("barred") == 0 || count("timeout") > 1, "{calls:?}");

        let (lost, lost_beside) = (self.lost(&since), self.lost(&beside));
        assert!(
            lost <= CHANCE + 2 * lost_beside + count("barred"),
            "{lost} ticks of {} were lost, beside it {lost_beside}, {calls:?}: {:?}",
            since.len(),
            since
                .windows(2)
                .filter(|pair| self.is_gap(pair))
                .collect::<Vec<_>>()
        );
        since.len()
    }

    /// How many ticks there were without a scrape that was up.
    fn lost(&self, scrapes: &[Scrape]) -> i64 {
        let (Some((first, _)), Some((last, _))) = (scrapes.first(), scrapes.last()) else {
            return 0;
        };
        let ticks = (last - first + self.interval_ms / 2) / self.interval_ms + 1;
        let up = scrapes.iter().filter(|(_, is_up)| *is_up).count();
        ticks - i64::try_from(up).unwrap()
    }

    fn is_gap(&self, pair: &[Scrape]) -> bool {
        pair[1].0 - pair[0].0 > self.interval_ms * 3 / 2 || !pair[1].1
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "rounded to whole milliseconds"
)]
fn scrapes(narthex: &Narthex, job: &str) -> Vec<Scrape> {
    let query = http::encode(&format!("up{{job=\"{job}\"}}[1h]"));
    let data = narthex.api(&format!("query?query={query}")).unwrap();
    let values = data["result"][0]["values"].as_array();
    let values = values.unwrap_or_else(|| panic!("{job}: {data}")).iter();
    let scrape = |value: &serde_json::Value| {
        let time = (value[0].as_f64().unwrap() * 1_000.0).round() as i64;
        (time, value[1] == "1")
    };
    values.map(scrape).collect()
}

/// How often a plugin was called for a job, by how that ended.
fn calls(narthex: &Narthex, plugin: &str, job: &str) -> BTreeMap<String, i64> {
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url())).unwrap();
    let start = format!("narthex_plugin_calls_total{{plugin=\"{plugin}\",job=\"{job}\",result=\"");
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(&start));
    let counts = lines.map(|line| {
        let (result, count) = line.split_once("\"} ").unwrap();
        (result.to_owned(), count.parse().unwrap())
    });
    counts.collect()
}
