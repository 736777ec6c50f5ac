//! A server that is asked to stop while it scrapes, is asked and sends: it says that it is about to,
//! answers what it was asked, ends well, and has every scrape that it made when it is there again.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use narthex_tests::{Narthex, Ticking, http, until};
use serde_json::Value;

/// Each of them is scraped twice a second.
const TARGETS: usize = 5;

/// Each of them asks as fast as it is answered.
const CLIENTS: usize = 3;

/// How often who holds a request looks whether it may go.
const LOOK: Duration = Duration::from_millis(20);

/// A receiver that answers nothing, so that what is sent there waits, until it is let go.
struct Silent {
    address: String,
    is_let_go: Arc<AtomicBool>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let is_let_go = Arc::<AtomicBool>::default();
        let is_over = Arc::clone(&is_let_go);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let is_over = Arc::clone(&is_over);
                std::thread::spawn(move || hold(stream, &is_over));
            }
        });
        Self { address, is_let_go }
    }

    /// From now on it refuses everything at once.
    fn let_go(&self) {
        self.is_let_go.store(true, Ordering::SeqCst);
    }
}

/// Takes what comes in a connection, and refuses it when that is time.
fn hold(mut stream: TcpStream, is_over: &AtomicBool) {
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.set_read_timeout(Some(LOOK)).unwrap();
    let (mut taken, mut is_asked) = ([0; 4096], false);
    loop {
        match stream.read(&mut taken) {
            Ok(0) => return,
            Ok(_) => is_asked = true,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if is_asked && is_over.load(Ordering::SeqCst) {
                    let _ = stream.write_all(refusal.as_bytes());
                    let _ = stream.shutdown(Shutdown::Write);
                    is_asked = false;
                }
            }
            Err(_) => return,
        }
    }
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

/// How many scrapes of each target failed, by its address.
fn late(narthex: &Narthex) -> BTreeMap<String, usize> {
    let data = narthex.api("query?query=up%5B1h%5D").unwrap();
    let series = data["result"].as_array().unwrap().iter();
    let late = series.map(|series| {
        let points = series["values"].as_array().unwrap().iter();
        let instance = series["metric"]["instance"].as_str().unwrap().to_owned();
        (instance, points.filter(|point| point[1] == "0").count())
    });
    late.collect()
}

#[test]
fn a_stop_under_load_costs_the_scrapes_of_the_time_in_between() {
    let targets: Vec<Ticking> = (0..TARGETS).map(|_| Ticking::start()).collect();
    let addresses: Vec<String> = targets.iter().map(Ticking::address).collect();
    let silent = Silent::start();
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\n\
         remote_write: [{{url: 'http://{}/write'}}]\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: {addresses:?}}}]}}]\n",
        silent.address
    );
    let mut narthex = Narthex::builder()
        .config(config)
        .flag("--storage.remote.flush-deadline=10m")
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
    let (status, headers) = until(60, "an answer that it stops", || {
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
    until(60, "answers of a server that is about to stop", || {
        let count = answers.load(Ordering::SeqCst);
        (count > before).then_some(()).ok_or(count.to_string())
    });
    silent.let_go();
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
    // The stop left what was in memory, and the start took it from there.
    let log = narthex.process().log();
    let of_snapshot = log.rsplit_once("samples_of_snapshot=");
    let is_empty = of_snapshot.is_none_or(|(_, count)| count.starts_with('0'));
    assert!(!is_empty, "{log}");
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
    let late = late(&narthex);
    for (instance, ticks) in found {
        let at = addresses.iter().position(|address| *address == instance);
        let stopped = down[at.unwrap()];
        let missing: Vec<u64> = (1..=*ticks.last().unwrap())
            .filter(|tick| ticks.binary_search(tick).is_err())
            .collect();
        // A scrape that was under way was given up, so its target alone knows of it; of one that
        // came too late the server does as well.
        let late = late.get(&instance).copied().unwrap_or(0);
        let lost = missing.iter().filter(|tick| **tick != stopped).count();
        assert!(
            lost <= late,
            "{instance}: {missing:?} of {stopped}, {late} were late: {ticks:?}"
        );
    }
}
