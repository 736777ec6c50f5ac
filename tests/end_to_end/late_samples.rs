//! `out_of_order_time_window`, taken from the config at the start and at each reload.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::{Narthex, Target, http, until};

/// A target that serves one line, and counts how often it was asked.
struct Line {
    target: Target,
    text: Arc<Mutex<String>>,
    scrapes: Arc<AtomicU64>,
}

impl Line {
    fn new() -> Self {
        let (text, scrapes) = (Arc::<Mutex<String>>::default(), Arc::<AtomicU64>::default());
        let (served, counted) = (Arc::clone(&text), Arc::clone(&scrapes));
        let target = Target::serve_text(move || {
            let line = served.lock().unwrap().clone();
            counted.fetch_add(1, Ordering::SeqCst);
            line
        });
        Self {
            target,
            text,
            scrapes,
        }
    }

    /// Serves a sample of a time, and waits until it was scraped and what was scraped is stored:
    /// when the next but one scrape comes.
    fn serve(&self, value: f64, at_ms: u128) {
        *self.text.lock().unwrap() = format!("m {value} {at_ms}\n");
        let seen = self.scrapes.load(Ordering::SeqCst);
        until(60, "three scrapes", || {
            let now = self.scrapes.load(Ordering::SeqCst);
            (now >= seen + 3).then_some(()).ok_or(format!("{now}"))
        });
    }

    fn config(&self, window: &str) -> String {
        let storage = match window {
            "" => String::new(),
            window => format!("storage: {{tsdb: {{out_of_order_time_window: {window}}}}}\n"),
        };
        let address = self.target.address();
        format!(
            "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n{storage}\
             scrape_configs:\n- job_name: t\n  static_configs: [{{targets: ['{address}']}}]\n"
        )
    }
}

/// The values of all samples, oldest first; the series' staleness markers are none.
fn values(narthex: &Narthex) -> Result<Vec<String>, String> {
    let data = narthex.api("query?query=m%5B1h%5D")?;
    let series = data["result"].as_array().ok_or("no result")?;
    let points = series.iter().filter_map(|s| s["values"].as_array());
    let values = points.flatten().filter_map(|point| point[1].as_str());
    Ok(values.map(str::to_owned).collect())
}

/// Waits until these are all: a scrape may have come too late for the sample that it brought.
fn wait_for(narthex: &Narthex, expected: &[&str]) {
    until(60, "the samples", || match values(narthex)? {
        found if found == expected => Ok(()),
        found => Err(format!("{found:?} instead of {expected:?}")),
    });
}

fn reload(narthex: &Narthex, config: &str) {
    narthex.write_config(config);
    let (status, body) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    assert_eq!(status, 200, "{body}");
}

#[test]
fn a_reload_opens_and_closes_the_window_for_samples_out_of_order() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = now.as_millis();
    let line = Line::new();
    let mut narthex = Narthex::builder().config(line.config("")).start();
    line.serve(1.0, now_ms);
    wait_for(&narthex, &["1"]);
    line.serve(0.5, now_ms - 60_000);
    assert_eq!(values(&narthex).unwrap(), ["1"], "there is no window");
    reload(&narthex, &line.config("10m"));
    line.serve(0.5, now_ms - 60_000);
    wait_for(&narthex, &["0.5", "1"]);
    line.serve(0.25, now_ms - 1_200_000);
    assert_eq!(values(&narthex).unwrap(), ["0.5", "1"], "it is too old");
    narthex.restart();
    assert_eq!(values(&narthex).unwrap(), ["0.5", "1"]);
    line.serve(0.75, now_ms - 30_000);
    wait_for(&narthex, &["0.5", "0.75", "1"]);
    reload(&narthex, &line.config(""));
    line.serve(0.25, now_ms - 120_000);
    assert_eq!(values(&narthex).unwrap(), ["0.5", "0.75", "1"]);
}
