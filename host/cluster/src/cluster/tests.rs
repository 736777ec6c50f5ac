mod probe;
mod tls;

use std::collections::BTreeSet;

use narthex_model::SystemClock;

use super::*;

/// Lines that only become more: the simplest state.
#[derive(Debug, Default)]
struct Lines(Mutex<BTreeSet<String>>);

fn joined(lines: &BTreeSet<String>) -> Vec<u8> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.join("\n").into_bytes()
}

impl Lines {
    fn has(&self, line: &str) -> bool {
        lock(&self.0).contains(line)
    }
}

impl Replicated for Lines {
    fn whole(&self) -> Vec<u8> {
        joined(&lock(&self.0))
    }

    fn merge(&self, data: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let text = std::str::from_utf8(data).map_err(|error| error.to_string())?;
        let mut lines = lock(&self.0);
        let new: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        let new = &new - &*lines;
        lines.extend(new.iter().cloned());
        Ok((!new.is_empty()).then(|| joined(&new)))
    }
}

fn options(label: &str, peers: &[&Arc<Cluster>]) -> ClusterOptions {
    let short = Duration::from_millis(100);
    ClusterOptions {
        clock: Arc::new(SystemClock),
        listen_address: "127.0.0.1:0".to_owned(),
        tls: None,
        advertise_address: None,
        may_advertise_public: false,
        peers: peers
            .iter()
            .map(|peer| peer.me.address.to_string())
            .collect(),
        peer_timeout: Duration::from_secs(15),
        gossip: GossipOptions {
            label: label.to_owned(),
            gossip_interval: Duration::from_millis(20),
            // Nobody here dies without a word: a machine that stands still is no reason to give
            // one up.
            probe_interval: Duration::from_secs(20),
            probe_timeout: Duration::from_secs(10),
            reconnect_timeout: Duration::from_secs(600),
        },
        pushpull_interval: Duration::from_secs(3600),
        settle_timeout: Duration::from_secs(60),
        tcp_timeout: Duration::from_secs(10),
        reconnect_interval: short,
    }
}

struct Bench {
    cluster: Arc<Cluster>,
    lines: Arc<Lines>,
    registry: Registry,
}

impl Bench {
    async fn start(label: &str, peers: &[&Arc<Cluster>], lines: &[&str]) -> Self {
        Self::with(options(label, peers), lines).await
    }

    async fn with(options: ClusterOptions, lines: &[&str]) -> Self {
        let mut registry = Registry::default();
        let cluster = Cluster::bind(options, &mut registry).await;
        let cluster = cluster.unwrap();
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let lines = Arc::new(Lines(Mutex::new(lines)));
        cluster.start(vec![("lines", lines.clone() as Arc<dyn Replicated>)]);
        Self {
            cluster,
            lines,
            registry,
        }
    }

    fn add(&self, line: &str) {
        lock(&self.lines.0).insert(line.to_owned());
        self.cluster.tell("lines", line.as_bytes().to_vec());
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "waited for {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_share_what_they_had_and_what_is_new() {
    let one = Bench::start("", &[], &["had"]).await;
    let two = Bench::start("", &[&one.cluster], &["too"]).await;
    let three = Bench::start("", &[&one.cluster], &[]).await;
    let all = [&one, &two, &three];
    until("all are there", || {
        all.iter().all(|peer| peer.cluster.peers().len() == 3)
    })
    .await;
    let large = "x".repeat(100_000);
    three.add("small");
    three.add(&large);
    for line in ["had", "too", "small", &large] {
        until("a line", || all.iter().all(|peer| peer.lines.has(line))).await;
    }
    // They have it before they say so.
    for line in [
        "alertmanager_oversized_gossip_message_sent_total{key=\"lines\"} 2",
        "alertmanager_cluster_members 3",
    ] {
        until(line, || three.metrics().contains(line)).await;
    }

    // The names in order decide who waits how long.
    let mut turns: Vec<(String, Duration)> = Vec::new();
    for peer in all {
        peer.cluster.ready().await;
        assert_eq!(peer.cluster.status(), ClusterStatus::Ready);
        turns.push((peer.cluster.me().name.clone(), peer.cluster.turn()));
    }
    turns.sort();
    let turns: Vec<u64> = turns.iter().map(|(_, turn)| turn.as_secs()).collect();
    assert_eq!(turns, [0, 15, 30]);

    // One that goes is gone, and the next has its turn.
    let first = all
        .into_iter()
        .min_by_key(|peer| peer.cluster.me().name.clone());
    let first = first.unwrap();
    first.cluster.stop().await;
    let is_first = |peer: &&Bench| Arc::ptr_eq(&peer.cluster, &first.cluster);
    let others: Vec<&Bench> = all.into_iter().filter(|peer| !is_first(peer)).collect();
    for peer in &others {
        until("one is gone", || peer.cluster.peers().len() == 2).await;
        assert!(peer.cluster.turn() <= Duration::from_secs(15));
    }
    for peer in others {
        peer.cluster.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_label_is_refused_and_counted() {
    let blue = Bench::start("blue", &[], &["blue"]).await;
    let green = Bench::start("green", &[&blue.cluster], &["green"]).await;
    until("a refusal", || {
        let text = blue.metrics();
        !text.contains("narthex_cluster_refused_total{reason=\"label\"} 0")
    })
    .await;
    until("a failed attempt", || {
        let text = green.metrics();
        !text.contains("alertmanager_cluster_refresh_join_failed_total 0")
    })
    .await;
    assert!(!blue.lines.has("green") && !green.lines.has("blue"));
    assert_eq!(blue.cluster.peers().len(), 1);
    blue.cluster.stop().await;
    green.cluster.stop().await;
}

#[tokio::test]
async fn a_state_that_cannot_be_merged_is_counted_and_harms_nobody() {
    let one = Bench::start("", &[], &[]).await;
    let two = Bench::start("", &[&one.cluster], &[]).await;
    until("both are there", || one.cluster.peers().len() == 2).await;
    until("both are there", || two.cluster.peers().len() == 2).await;
    two.cluster.tell("lines", vec![0xff]);
    two.cluster.tell("nobody's", b"x".to_vec());
    until("a failure", || {
        let text = one.metrics();
        text.contains("narthex_cluster_merge_failures_total{key=\"lines\"} 1")
    })
    .await;
    two.add("after");
    until("a line", || one.lines.has("after")).await;
    one.cluster.stop().await;
    two.cluster.stop().await;
}

#[test]
fn flags_that_do_not_go_together_are_told() {
    let good = options("", &[]);
    good.check().unwrap();
    type Change = fn(&mut ClusterOptions);
    let changes: [(Change, &str); 6] = [
        (
            |o| o.gossip.probe_timeout = o.gossip.probe_interval,
            "probe-timeout",
        ),
        (
            |o| o.pushpull_interval = Duration::ZERO,
            "pushpull-interval",
        ),
        (|o| o.gossip.label = "l".repeat(256), "label"),
        (|o| o.peers = vec!["peer".to_owned()], "\"peer\""),
        (|o| o.advertise_address = Some(":1".to_owned()), "\":1\""),
        (|o| o.listen_address = "9094".to_owned(), "\"9094\""),
    ];
    for (change, part) in changes {
        let mut options = good.clone();
        change(&mut options);
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
