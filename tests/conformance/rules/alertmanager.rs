//! What an Alertmanager is told: it takes everything and remembers it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// An Alertmanager on a port of its own.
pub(super) struct Alertmanager {
    port: u16,
    told: Arc<Mutex<Vec<Told>>>,
}

/// An alert, and whether it had ended when it came: one that fires holds for a while yet.
struct Told {
    alert: Value,
    has_ended: bool,
}

impl Alertmanager {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = Arc::clone(&all);
                std::thread::spawn(move || take_all(stream, &told));
            }
        });
        Self { port, told }
    }

    /// `127.0.0.1:port`.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it was told of the alerts that began in a time: labels, annotations, URL, when each
    /// began, and when it ended where it has. When an alert that fires is told again depends on when
    /// it was told first, and until when it holds on that, so both are left out.
    pub(super) fn alerts(&self, from_ms: i64, until_ms: i64) -> BTreeSet<String> {
        let told = self.told.lock().unwrap();
        let (from, until) = (rfc3339(from_ms), rfc3339(until_ms));
        let within = |time: &Value| {
            let time = time.as_str().unwrap();
            time >= from.as_str() && time < until.as_str()
        };
        let alerts = told.iter().filter(|told| {
            let has_ended_later = told.has_ended && !within(&told.alert["endsAt"]);
            within(&told.alert["startsAt"]) && !has_ended_later
        });
        let texts = alerts.map(|Told { alert, has_ended }| {
            let labels = narthex_tests::sorted(&alert["labels"]);
            let annotations = match has_ended {
                // The value is that of the last evaluation that gave it.
                true => narthex_tests::sorted(&alert["annotations"]),
                false => String::new(),
            };
            let (url, began) = (&alert["generatorURL"], &alert["startsAt"]);
            let ended = if *has_ended {
                alert["endsAt"].to_string()
            } else {
                String::new()
            };
            format!("{labels} {annotations} {url} {began} {ended}")
        });
        texts.collect()
    }

    /// The names of the alerts that it was told, in the order in which each came first.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for told in self.told.lock().unwrap().iter() {
            let name = told.alert["labels"]["alertname"].as_str().unwrap();
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Forgets what it was told.
    pub(super) fn forget(&self) {
        self.told.lock().unwrap().clear();
    }

    /// What it was told: the labels of each alert, and whether it fires or has ended.
    pub(super) fn states(&self) -> BTreeSet<String> {
        let told = self.told.lock().unwrap();
        let states = told.iter().map(|told| {
            let state = if told.has_ended { "ended" } else { "firing" };
            format!("{} {state}", narthex_tests::sorted(&told.alert["labels"]))
        });
        states.collect()
    }
}

/// A time as alerts have it, for comparisons of texts.
fn rfc3339(time_ms: i64) -> String {
    let days = time_ms.div_euclid(86_400_000);
    let of_day = time_ms.rem_euclid(86_400_000);
    let (mut year, mut day) = (1970, days);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (seconds, ms) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let day = day + 1;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Answers the requests of one connection until it ends.
fn take_all(stream: TcpStream, told: &Mutex<Vec<Told>>) {
    let Ok(mut out) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line).unwrap_or(0) > 0 && line != "\r\n" {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if line != "\r\n" || reader.read_exact(&mut body).is_err() {
            return;
        }
        let alerts: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let now = rfc3339(super::now_ms());
        let alerts = alerts.into_iter().map(|alert| Told {
            has_ended: alert["endsAt"].as_str().unwrap() <= now.as_str(),
            alert,
        });
        told.lock().unwrap().extend(alerts);
        let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}

#[test]
fn times_compare_as_texts() {
    assert_eq!(rfc3339(951_827_696_789), "2000-02-29T12:34:56.789Z");
    assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(rfc3339(1_767_225_599_999), "2025-12-31T23:59:59.999Z");
}
