//! What `/api/v1/status/walreplay` tells while the log is read, and after it.

use narthex_tests::{Narthex, Target, until};
use serde_json::Value;

/// Processes that are killed one after the other: each begins a segment of the log.
const PROCESSES: u64 = 6;

/// How far a replay is: the first segment, the last one, and the one that is read.
fn progress(narthex: &Narthex) -> Result<[u64; 3], String> {
    let data: Value = narthex.api("status/walreplay")?;
    let number = |name: &str| data[name].as_u64().ok_or_else(|| data.to_string());
    Ok([number("min")?, number("max")?, number("current")?])
}

/// How many samples there are, of all processes.
fn samples(narthex: &Narthex) -> Result<u64, String> {
    let data = narthex.api("query?query=count_over_time(up_and_running%5B1h%5D)")?;
    let count = data["result"][0]["value"][1].as_str().unwrap_or("0");
    count.parse().map_err(|_| data.to_string())
}

#[test]
fn the_progress_of_a_replay_goes_up_and_ends_with_the_last_segment() {
    let target = Target::serve_text(|| "up_and_running 1\n".to_owned());
    let address = target.address();
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs:\n- job_name: t\n  static_configs: [{{targets: ['{address}']}}]\n"
    );
    let mut narthex = Narthex::builder().config(config).start();
    assert_eq!(progress(&narthex).unwrap(), [0, 0, 0], "there was no log");
    for process in 1..PROCESSES {
        let before = samples(&narthex).unwrap();
        until(60, "a sample of this process", || {
            let count = samples(&narthex)?;
            (count > before).then_some(()).ok_or(format!("{count}"))
        });
        let mut seen: Vec<[u64; 3]> = Vec::new();
        narthex.restart_and_watch(|narthex| seen.extend(progress(narthex)));
        let [first, last, current] = progress(&narthex).unwrap();
        // What was seen on the way is of the same replay, or of before it had begun; the three
        // numbers are looked at one by one.
        let is_it = |all: &[u64; 3]| [0, last].contains(&all[1]) && all[2] <= last;
        assert!(seen.iter().all(is_it), "{seen:?}");
        assert!(seen.is_sorted_by(|a, b| a[2] <= b[2]), "{seen:?}");
        assert_eq!(current, last);
        assert_eq!(last + 1 - first, process, "one segment for each process");
    }
}
