//! Alertmanagers of our own: which are told what, and what becomes of those that hang.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use narthex_discovery::{Discoverer, SdConfig, TargetGroup};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::message::tests::notification;
use crate::target::tests::{config, rule};

/// An Alertmanager that hands over what it is told, or takes connections and says nothing.
struct Receiver {
    address: String,
    told: mpsc::UnboundedReceiver<Vec<Value>>,
    /// What it answers with next.
    is_well: Arc<AtomicBool>,
}

impl Receiver {
    async fn start(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, told) = mpsc::unbounded_channel();
        let is_well = Arc::new(AtomicBool::new(true));
        let well = Arc::clone(&is_well);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                match answers {
                    true => drop(tokio::spawn(serve(
                        stream,
                        sender.clone(),
                        Arc::clone(&well),
                    ))),
                    false => held.push(stream),
                }
            }
        });
        Self {
            address,
            told,
            is_well,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/api/v2/alerts", self.address)
    }

    /// The values of a label in the next request.
    async fn names(&mut self) -> Vec<String> {
        let alerts = self.told.recv().await.unwrap();
        let name = |alert: &Value| alert["labels"]["alertname"].as_str().unwrap().to_owned();
        alerts.iter().map(name).collect()
    }
}

/// One connection, one request after another.
async fn serve(
    mut stream: tokio::net::TcpStream,
    told: mpsc::UnboundedSender<Vec<Value>>,
    is_well: Arc<AtomicBool>,
) {
    let mut read = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
        assert!(text.starts_with("post /api/v2/alerts http/1.1"), "{text}");
        assert!(text.contains("content-type: application/json"), "{text}");
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        while read.len() < head + length {
            stream.read_buf(&mut read).await.unwrap();
        }
        let answer: &[u8] = match is_well.load(Ordering::SeqCst) {
            true => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            false => b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
        };
        stream.write_all(answer).await.unwrap();
        let _ = told.send(serde_json::from_slice(&read[head..head + length]).unwrap());
        read.drain(..head + length);
    }
}

/// Finds what it is told to.
struct Scripted(std::sync::Mutex<Option<mpsc::Receiver<Vec<TargetGroup>>>>);

#[async_trait]
impl Discoverer for Scripted {
    async fn run(&self, sender: mpsc::Sender<Vec<TargetGroup>>) {
        let taken = self.0.lock().unwrap().take();
        let mut groups = taken.unwrap();
        while let Some(groups) = groups.recv().await {
            sender.send(groups).await.unwrap();
        }
    }
}

fn start(options: NotifierOptions) -> (NotifierManager, Registry) {
    start_with(
        options,
        Box::new(|_: &str, _: &SdConfig| Err("no".to_owned())),
    )
}

fn start_with(
    options: NotifierOptions,
    build: Box<BuildDiscoverer>,
) -> (NotifierManager, Registry) {
    let mut registry = Registry::default();
    let discovery = SdMetrics::register("scrape", &mut registry).named("notify");
    let manager = NotifierManager::new(options, build, discovery, &mut registry);
    (manager, registry)
}

fn follow(manager: &NotifierManager, config: NotifierConfig) {
    manager.follow(manager.prepare(config).unwrap());
}

fn to(entries: Vec<AlertmanagerConfig>) -> NotifierConfig {
    NotifierConfig {
        alertmanagers: entries,
        ..NotifierConfig::default()
    }
}

fn shown(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    text
}

/// Waits until a line of the metrics is there.
async fn until_shown(registry: &Registry, line: &str) {
    let shown = async {
        while !shown(registry).contains(line) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), shown).await;
    assert!(waited.is_ok(), "no {line} in {}", self::shown(registry));
}

#[tokio::test]
async fn one_that_hangs_delays_nobody() {
    let (mut well, hanging) = (Receiver::start(true).await, Receiver::start(false).await);
    let options = NotifierOptions {
        queue_capacity: 20,
        batch_size: 4,
        ..NotifierOptions::default()
    };
    let (manager, registry) = start(options);
    // The one batch that hangs does so until the end, however long this takes.
    let both = AlertmanagerConfig {
        timeout: "1h".parse().unwrap(),
        ..config(&[hanging.address.as_str(), well.address.as_str()])
    };
    follow(&manager, to(vec![both]));
    // More than the queue of the one that hangs can hold, one after another.
    for round in 0..60 {
        let name = round.to_string();
        manager.notify(&[notification(&name)]);
        assert_eq!(well.names().await, [name]);
    }
    let of = |receiver: &Receiver| format!("{{alertmanager=\"{}\"}}", receiver.url());
    for line in [
        format!("prometheus_notifications_sent_total{} 60", of(&well)),
        format!("prometheus_notifications_dropped_total{} 0", of(&well)),
        // The batch under way had one at least and four at most.
        format!("prometheus_notifications_queue_length{} 20", of(&hanging)),
        "prometheus_notifications_queue_capacity 20".to_owned(),
        "prometheus_notifications_alertmanagers_discovered 2".to_owned(),
    ] {
        until_shown(&registry, &line).await;
    }
    let text = shown(&registry);
    let dropped = format!("prometheus_notifications_dropped_total{} ", of(&hanging));
    let dropped = text.split(&dropped).nth(1).unwrap().lines().next().unwrap();
    assert!(
        (36..40).contains(&dropped.parse::<i32>().unwrap()),
        "{dropped}"
    );
}

#[tokio::test]
async fn many_are_sent_in_batches() {
    let mut receiver = Receiver::start(true).await;
    let (manager, _registry) = start(NotifierOptions::default());
    follow(&manager, to(vec![config(&[&receiver.address])]));
    let many: Vec<_> = (0..600).map(|n| notification(&n.to_string())).collect();
    manager.notify(&many);
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 600 {
        sizes.push(receiver.names().await.len());
    }
    assert_eq!(sizes, [256, 256, 88]);
}

#[tokio::test]
async fn each_entry_gets_what_its_rules_leave() {
    let (mut all, mut some) = (Receiver::start(true).await, Receiver::start(true).await);
    let (manager, _registry) = start(NotifierOptions::default());
    let drop_b = r#"{"source_labels":["alertname"],"regex":"b","action":"drop"}"#;
    let drop_c = r#"{"source_labels":["alertname"],"regex":"c","action":"drop"}"#;
    let zone = r#"{"source_labels":["zone"],"target_label":"area"}"#;
    let fewer = AlertmanagerConfig {
        alert_relabel_configs: vec![rule(drop_c), rule(zone)],
        ..config(&[&some.address])
    };
    follow(
        &manager,
        NotifierConfig {
            external_labels: Labels::from_pairs([("zone", "x"), ("alertname", "none")]),
            alert_relabel_configs: vec![rule(drop_b)],
            alertmanagers: vec![config(&[&all.address]), fewer],
        },
    );
    manager.notify(&["a", "b", "c"].map(notification));
    assert_eq!(all.names().await, ["a", "c"]);
    let told = some.told.recv().await.unwrap();
    let labels: Vec<_> = told.iter().map(|alert| &alert["labels"]).collect();
    assert_eq!(
        labels,
        [&serde_json::json!({"alertname": "a", "area": "x", "zone": "x"})]
    );
}

#[tokio::test]
async fn what_is_not_taken_is_counted_and_does_not_wait() {
    let mut receiver = Receiver::start(true).await;
    receiver.is_well.store(false, Ordering::SeqCst);
    let (manager, registry) = start(NotifierOptions::default());
    follow(&manager, to(vec![config(&[&receiver.address])]));
    manager.notify(&["a", "b"].map(notification));
    assert_eq!(receiver.names().await, ["a", "b"]);
    for name in ["errors", "dropped", "sent"] {
        let url = receiver.url();
        let line = format!("prometheus_notifications_{name}_total{{alertmanager=\"{url}\"}} 2");
        until_shown(&registry, &line).await;
    }
    receiver.is_well.store(true, Ordering::SeqCst);
    manager.notify(&[notification("c")]);
    assert_eq!(receiver.names().await, ["c"]);
}

#[tokio::test]
async fn those_that_are_found_are_told_and_those_that_are_gone_are_not() {
    let (mut one, mut two) = (Receiver::start(true).await, Receiver::start(true).await);
    let (groups, script) = mpsc::channel(4);
    let script = std::sync::Mutex::new(Some(script));
    let discoverer = Arc::new(Scripted(script));
    let build = move |_: &str, _: &SdConfig| Ok(Arc::clone(&discoverer) as Arc<dyn Discoverer>);
    let (manager, registry) = start_with(NotifierOptions::default(), Box::new(build));
    let http: narthex_discovery::HttpSdConfig =
        serde_json::from_str(r#"{"url":"http://a.example/"}"#).unwrap();
    let found = AlertmanagerConfig {
        sd_configs: vec![SdConfig::Http(Box::new(http))],
        ..config(&[])
    };
    follow(&manager, to(vec![found.clone()]));
    assert_eq!(manager.urls(), (vec![], vec![]));
    for receiver in [&mut one, &mut two] {
        let addresses = [receiver.address.clone()];
        let group = TargetGroup::of_addresses("s", &addresses, BTreeMap::new());
        groups.send(vec![group]).await.unwrap();
        let url = receiver.url();
        let line = format!("queue_length{{alertmanager=\"{url}\"}}");
        until_shown(&registry, &line).await;
        assert_eq!(manager.urls(), (vec![url], vec![]));
        manager.notify(&[notification("a")]);
        assert_eq!(receiver.names().await, ["a"]);
    }
    let text = shown(&registry);
    assert!(!text.contains(&one.url()), "{text}");
    let line = "prometheus_sd_discovered_targets{name=\"notify\",config=\"config-0\"} 1";
    assert!(text.contains(line), "{text}");
    // A reload that changes nothing keeps what was found.
    follow(&manager, to(vec![found]));
    assert_eq!(manager.urls().0, [two.url()]);
    manager.notify(&[notification("b")]);
    assert_eq!(two.names().await, ["b"]);
}

#[tokio::test]
async fn what_waits_survives_a_reload_and_is_sent_before_the_end() {
    let receiver = Receiver::start(false).await;
    let options = NotifierOptions {
        batch_size: 1,
        ..NotifierOptions::default()
    };
    let (manager, registry) = start(options);
    follow(&manager, to(vec![config(&[&receiver.address])]));
    manager.notify(&["a", "b", "c"].map(notification));
    let url = receiver.url();
    let waiting = format!("queue_length{{alertmanager=\"{url}\"}} 2");
    until_shown(&registry, &waiting).await;
    let quicker = AlertmanagerConfig {
        timeout: "20ms".parse().unwrap(),
        ..config(&[&receiver.address])
    };
    follow(&manager, to(vec![quicker]));
    // Both that waited, and then nothing is left: each batch fails after its timeout.
    let failed = format!("errors_total{{alertmanager=\"{url}\"}} 2");
    until_shown(&registry, &failed).await;
    let mut well = Receiver::start(true).await;
    follow(&manager, to(vec![config(&[&well.address])]));
    manager.notify(&["d", "e"].map(notification));
    manager.stop().await;
    assert_eq!(
        [well.names().await, well.names().await].concat(),
        ["d", "e"]
    );
    manager.notify(&[notification("f")]);
    assert!(well.told.try_recv().is_err());
}
