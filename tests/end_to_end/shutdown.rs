//! A server that is asked to stop while it scrapes, is asked and sends: it says that it is about to,
//! answers what it was asked, ends well, and has every scrape that it made when it is there again.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use narthex_tests::{Narthex, Ticking, http, until};
use serde_json::Value;

/// Each of them is scraped twice a second.
const TARGETS: usize = 5;

/// Each of them asks as fast as it is answered.
const CLIENTS: usize = 3;

/// An address that takes connections and answers nothing, so that what is sent there waits.
fn serve_nothing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut taken = [0; 4096];
                while stream.read(&mut taken).is_ok_and(|length| length > 0) {}
            });
        }
    });
    address
}

/// What was scraped of each target, oldest first, by its address.
fn ticks(narthex: &Narthex) -> Result<Vec<(String, Vec<u64>)>, String> {
    let data = narthex.api("query?query=ticks_total%5B1h%5D")?;
    let series = data["result"].as_array().ok_or("no result")?;
    let series = series.iter().map(|series| {
        let points = series["values"].as_array().cloned().unwrap_or_default();
        let values = points.iter().filter_map(|point| point[1].as_str());
        let values = values.map(|value| value.parse().unwrap()).collect();
        let instance = series["metric"]["instance"].as_str().unwrap_or_default();
        (instance.to_owned(), values)
    });
    Ok(series.collect())
}

#[test]
fn a_stop_under_load_costs_the_scrapes_of_the_time_in_between() {
    let targets: Vec<Ticking> = (0..TARGETS).map(|_| Ticking::start()).collect();
    let addresses: Vec<String> = targets.iter().map(Ticking::address).collect();
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\n\
         remote_write: [{{url: 'http://{}/write'}}]\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: {addresses:?}}}]}}]\n",
        serve_nothing()
    );
    let mut narthex = Narthex::builder()
        .config(config)
        .flag("--storage.remote.flush-deadline=3s")
        .start();
    let url = narthex.url();
    targets.iter().for_each(|target| target.wait_for(6));

    let (is_over, answers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (url, is_over, answers) = (url.clone(), is_over.clone(), answers.clone());
            std::thread::spawn(move || {
                let query = "sum%20by%20(instance)%20(rate(ticks_total%5B1m%5D))";
                let query = format!("{url}/api/v1/query?query={query}");
                // A connection that is refused is the end; an answer is a whole one.
                while let Ok((status, body)) = http::get(&query)
                    && !is_over.load(Ordering::SeqCst)
                {
                    let answer: Value = serde_json::from_str(&body).unwrap();
                    assert_eq!(
                        (status, &answer["status"]),
                        (200, &"success".into()),
                        "{body}"
                    );
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    until(60, "answers", || {
        let count = answers.load(Ordering::SeqCst);
        (count >= 20).then_some(()).ok_or(count.to_string())
    });

    narthex.process().signal("TERM");
    // What waits for the other side holds the end up for a while.
    let (status, headers) = until(30, "an answer that it stops", || {
        match http::head_of("GET", &format!("{url}/-/ready"), &[])? {
            (200, _) => Err("it is ready".to_owned()),
            answer => Ok(answer),
        }
    });
    assert_eq!(
        (status, headers["x-prometheus-stopping"].as_str()),
        (503, "true")
    );
    let before = answers.load(Ordering::SeqCst);
    until(30, "answers of a server that is about to stop", || {
        let count = answers.load(Ordering::SeqCst);
        (count > before).then_some(()).ok_or(count.to_string())
    });
    assert!(
        narthex.process().wait().success(),
        "{}",
        narthex.process().log()
    );
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }

    let down: Vec<u64> = targets.iter().map(Ticking::now).collect();
    narthex.restart();
    for (target, down) in targets.iter().zip(&down) {
        target.wait_for(down + 6);
    }
    let found = until(60, "all targets", || {
        let found = ticks(&narthex)?;
        let lasts = found.iter().filter_map(|(_, ticks)| ticks.last());
        match lasts.min() {
            Some(last) if found.len() == TARGETS && *last > *down.iter().max().unwrap() => {
                Ok(found)
            }
            _ => Err(format!("{found:?}")),
        }
    });
    for (instance, ticks) in found {
        let at = addresses.iter().position(|address| *address == instance);
        let stopped = down[at.unwrap()];
        let missing: Vec<u64> = (1..=*ticks.last().unwrap())
            .filter(|tick| ticks.binary_search(tick).is_err())
            .collect();
        // A scrape that was under way was given up, so its target alone knows of it.
        assert!(
            missing.is_empty() || missing == [stopped],
            "{instance}: {missing:?} of {stopped}: {ticks:?}"
        );
    }
}
