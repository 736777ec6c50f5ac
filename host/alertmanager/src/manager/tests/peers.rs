//! Two Alertmanagers that are peers, over the sockets of this machine.

use narthex_cluster::{ClusterOptions, GossipOptions};

use super::*;
use crate::api::VersionInfo;

async fn cluster(peers: &[&Arc<Cluster>]) -> Arc<Cluster> {
    let options = ClusterOptions {
        clock: Arc::new(SystemClock),
        listen_address: "127.0.0.1:0".to_owned(),
        tls: None,
        advertise_address: None,
        may_advertise_public: false,
        peers: peers
            .iter()
            .map(|peer| peer.me().address.to_string())
            .collect(),
        // Who comes second waits so long, and by then has to have heard what the first one told, on
        // a machine that may stand still for a while.
        peer_timeout: Duration::from_secs(12),
        gossip: GossipOptions {
            label: String::new(),
            gossip_interval: Duration::from_millis(20),
            // Nor is that a reason to give one up.
            probe_interval: Duration::from_secs(20),
            probe_timeout: Duration::from_secs(10),
            reconnect_timeout: Duration::from_secs(600),
        },
        pushpull_interval: Duration::from_secs(3600),
        settle_timeout: Duration::from_secs(60),
        tcp_timeout: Duration::from_secs(10),
        reconnect_interval: Duration::from_millis(100),
    };
    let bound = Cluster::bind(options, &mut Registry::default()).await;
    bound.unwrap()
}

pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "waited for {what}");
}

fn silence(alertname: &str) -> Vec<u8> {
    let body = json!({
        "matchers": [{"name": "alertname", "value": alertname, "isRegex": false}],
        "startsAt": "2024-01-01T00:00:00Z", "endsAt": "2199-01-01T00:00:00Z",
        "createdBy": "me", "comment": "why",
    });
    body.to_string().into_bytes()
}

fn has(disk: &Arc<dyn Disk>, id: &str) -> bool {
    let kept: Option<Vec<Silence>> = snapshot::read(disk, SILENCES_FILE).unwrap();
    kept.is_some_and(|kept| kept.iter().any(|silence| silence.id == id))
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_tell_once_and_keep_each_others_silences() {
    let (disk_one, disk_two) = (disk(), disk());
    let at_one = cluster(&[]).await;
    let at_two = cluster(&[&at_one]).await;
    assert_eq!(at_two.status().as_str(), "settling");
    let one = Bench::start_as_peer(&disk_one, CONFIG, Some(Arc::clone(&at_one))).await;
    // Made before there was another one: it comes with the whole state.
    let early = one.manager.post_silence(&silence("early")).unwrap();
    let two = Bench::start_as_peer(&disk_two, CONFIG, Some(Arc::clone(&at_two))).await;
    for cluster in [&at_one, &at_two] {
        until("two peers", || cluster.peers().len() == 2).await;
        cluster.ready().await;
    }
    let shown = one.manager.status(&VersionInfo::default());
    let shown = &shown["cluster"];
    assert_eq!(shown["status"], "ready");
    assert_eq!(shown["name"], at_one.me().name.as_str());
    assert_eq!(shown["peers"].as_array().map(Vec::len), Some(2));

    one.fire("a");
    two.fire("a");
    let (mut first, mut second) = match at_one.turn().is_zero() {
        true => (one, two),
        false => (two, one),
    };
    assert_eq!(first.next().await, ("works".to_owned(), "a".to_owned()));
    until("what another one told", || {
        second.manager.metrics.deduplicated.get() >= 1
    })
    .await;
    assert!(second.told.try_recv().is_err());
    // The first is told nothing that it told.
    assert!(first.told.try_recv().is_err());

    let late = second.manager.post_silence(&silence("late")).unwrap();
    for made in [early, late] {
        let id = made["silenceID"].as_str().unwrap().to_owned();
        until("a silence", || first.manager.silence(&id).is_ok()).await;
        until("a silence", || second.manager.silence(&id).is_ok()).await;
        until("a silence on the disk", || {
            has(&disk_one, &id) && has(&disk_two, &id)
        })
        .await;
        first.manager.expire_silence(&id).unwrap();
        until("its end", || {
            let found = second.manager.silence(&id).unwrap();
            found["status"]["state"] == "expired"
        })
        .await;
    }

    // One that stops says so; the other one goes on alone.
    first.manager.stop(Duration::from_secs(5)).await;
    let left = match Arc::ptr_eq(first.manager.options.cluster.as_ref().unwrap(), &at_one) {
        true => at_two,
        false => at_one,
    };
    until("one is gone", || left.peers().len() == 1).await;
    second.fire("b");
    assert_eq!(second.next().await.1, "b");
    second.manager.stop(Duration::from_secs(5)).await;
}
