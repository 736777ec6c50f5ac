//! Targets that mean harm, beside one that does not, over real connections: each ends within its
//! bounds and in one clear line, and the good one does not notice.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::*;
use crate::HttpCollector;

/// What a target sends: something once, and then something for ever.
#[derive(Clone, Default)]
struct Script {
    once: Vec<u8>,
    again: Vec<u8>,
    /// How long it waits between two times.
    pause: Option<Duration>,
}

/// The start of an answer that ends when the connection does.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n";

fn page(body: &[u8]) -> Script {
    Script {
        once: [HEAD.as_bytes(), b"\r\n", body].concat(),
        ..Script::default()
    }
}

fn endless(again: &[u8]) -> Script {
    Script {
        again: again.to_vec(),
        ..page(b"")
    }
}

async fn serve(mut stream: TcpStream, script: Script) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let mut sent = stream.write_all(&script.once).await;
    while sent.is_ok() && !script.again.is_empty() {
        if let Some(pause) = script.pause {
            time::sleep(pause).await;
        }
        sent = stream.write_all(&script.again).await;
    }
    let _ = stream.shutdown().await;
}

/// Starts a target; gives its address.
async fn start(script: Script) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, script.clone()));
        }
    });
    address
}

/// Says when something was appended.
#[derive(Default)]
struct Watched {
    memory: MemoryStore,
    appended: Notify,
}

impl Appendable for Watched {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let report = self.memory.append(batch);
        self.appended.notify_one();
        report
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Each kind of harm, and how its error begins.
fn hostile() -> Vec<(&'static str, Script, &'static str)> {
    let too_large = "body size limit exceeded";
    let too_late = "context deadline exceeded";
    let packed = format!("{HEAD}Content-Encoding: gzip\r\n\r\n");
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n";
    let labels: String = (0..20_000).map(|n| format!("l{n}=\"v\",")).collect();
    let slowly = |again: &[u8], once: Script| Script {
        again: again.to_vec(),
        pause: Some(Duration::from_millis(20)),
        ..once
    };
    vec![
        (
            "never-ending body",
            endless(&vec![b'\n'; 1 << 16]),
            too_large,
        ),
        (
            "never-ending line",
            endless(&vec![b'a'; 1 << 16]),
            too_large,
        ),
        (
            "gzip bomb",
            Script {
                once: packed.into_bytes(),
                again: gzip(&vec![b'\n'; 1 << 24]),
                pause: None,
            },
            too_large,
        ),
        (
            "one long line",
            page(&vec![b'a'; 3 << 20]),
            "expected value after metric, got ",
        ),
        ("slow trickle", slowly(b"a", page(b"")), too_late),
        (
            "slow head",
            slowly(b"X", Script::default()),
            "Get \"http://127.0.0.1:",
        ),
        (
            "never-ending head",
            Script {
                once: b"HTTP/1.1 200 OK\r\n".to_vec(),
                again: b"X: y\r\n".repeat(1000),
                pause: None,
            },
            "Get \"http://127.0.0.1:",
        ),
        (
            "invalid UTF-8",
            page(b"a{b=\"\xff\"} 1\n"),
            "invalid UTF-8 label value: ",
        ),
        (
            "many labels",
            page(format!("a{{{labels}}} 1\n").as_bytes()),
            "series has more than 16384 labels",
        ),
        (
            "many series",
            page(
                (0..2000)
                    .map(|n| format!("m{n} 1\n"))
                    .collect::<String>()
                    .as_bytes(),
            ),
            "sample limit exceeded",
        ),
        (
            "redirect loop",
            Script {
                once: redirect.as_bytes().to_vec(),
                ..Script::default()
            },
            "Get \"/metrics\": stopped after 10 redirects",
        ),
        (
            "redirect out of HTTP",
            Script {
                once: redirect
                    .replace("/metrics", "file:///etc/passwd")
                    .into_bytes(),
                ..Script::default()
            },
            "Get \"file:///etc/passwd\": unsupported protocol scheme \"file\"",
        ),
        (
            "injected header",
            Script {
                once: redirect.replace("/metrics", "/a\rX: y").into_bytes(),
                ..Script::default()
            },
            "Get \"http://127.0.0.1:",
        ),
        (
            "broken protobuf",
            Script {
                once: [
                    HEAD.replace("text/plain", "application/vnd.google.protobuf")
                        .as_bytes(),
                    b"\r\n",
                    &[0xff; 100],
                ]
                .concat(),
                ..Script::default()
            },
            "proto: integer overflow",
        ),
    ]
}

/// So many scrapes of the good target are waited for.
const GOOD_SCRAPES: usize = 4;
/// Far more than all of them need, so that a busy machine changes nothing.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn hostile_targets_end_within_their_bounds_and_harm_no_other() {
    let store = Arc::new(Watched::default());
    let manager = ScrapeManager::new(
        store.clone(),
        Arc::new(narthex_model::SystemClock),
        Box::new(|config| Ok(Arc::new(HttpCollector::new(config)?) as Arc<dyn Collector>)),
        Box::new(|_, _| Err("nobody finds targets here".to_owned())),
        &mut Registry::default(),
    );
    let kinds = hostile();
    let mut addresses = Vec::new();
    for (_, script, _) in &kinds {
        addresses.push(start(script.clone()).await);
    }
    let good = start(page(b"good 1\n")).await;
    let jobs = json!([
        {
            "job_name": "bad", "scrape_interval": "2s", "scrape_timeout": "2s",
            "body_size_limit": "4MB", "sample_limit": 1000,
            "static_configs": [{"targets": addresses}],
        },
        {
            "job_name": "good", "scrape_interval": "1s",
            "static_configs": [{"targets": [good]}],
        },
    ]);
    let configs = resolve(
        GlobalConfig::default(),
        serde_json::from_value(jobs).unwrap(),
    );
    manager.reload(configs.unwrap()).await.unwrap();
    let times = async || -> usize {
        use futures::TryStreamExt;
        let request = SelectRequest {
            matchers: vec![Matcher::equal("__name__", "good")],
            range: TimeRange::ALL,
        };
        let series = store.memory.select(&request).await.unwrap();
        let series: Vec<_> = series.try_collect().await.unwrap();
        series.iter().map(|series| series.timestamps.len()).sum()
    };
    let is_one_line = |text: &str| text.len() < 20_000 && !text.contains(['\n', '\r']);
    // A machine that stands still for longer than a scrape may take makes any of them late: each is
    // waited for until it has failed as it should.
    let mut left: Vec<_> = addresses.iter().zip(&kinds).collect();
    let mut errors = BTreeMap::new();
    let all_ended = async {
        loop {
            store.appended.notified().await;
            let pools = manager.pools();
            let [bad, good] = &pools[..] else {
                panic!("{} pools", pools.len());
            };
            left.retain(|(address, (kind, _, expected))| {
                let instance = |target: &&Arc<Target>| {
                    target.labels().get("instance") == Some(address.as_str())
                };
                let target = bad.active.iter().find(instance).unwrap();
                let error = target.status().last_error.map(|error| error.to_string());
                let error = error.unwrap_or_default();
                assert!(is_one_line(&error), "{kind}: {error}");
                let is_expected = error.starts_with(expected);
                errors.insert(*kind, error);
                !is_expected
            });
            let is_good = good.active[0].status().health == Health::Up;
            if left.is_empty() && is_good && times().await >= GOOD_SCRAPES {
                return;
            }
        }
    };
    let ended = time::timeout(PATIENCE, all_ended).await;
    assert!(ended.is_ok(), "{errors:#?}");
    manager.stop().await;
    // What they sent is nowhere.
    for metric in ["a", "m0"] {
        use futures::TryStreamExt;
        let request = SelectRequest {
            matchers: vec![Matcher::equal("__name__", metric)],
            range: TimeRange::ALL,
        };
        let series = store.memory.select(&request).await.unwrap();
        let series: Vec<_> = series.try_collect().await.unwrap();
        assert!(series.is_empty(), "{metric}");
    }
}
