//! Whole peers over a network with a seed: it loses and delays datagrams, is cut and heals, and
//! peers stand still for a while.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use narthex_cluster::{Gossip, GossipOptions, PeerId, Sent, Update};
use narthex_model::Labels;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::alert::Alert;
use crate::config::Config;
use crate::dispatcher::Flush;
use crate::matchers::{MatcherFields, MatcherMode};
use crate::notification_log::NotificationLog;
use crate::pipeline::{Delivery, Pipeline};
use crate::silences::{SilenceLimits, Silences};

const CONFIG: &str = "
receivers: [{name: r, webhook_configs: [{url: 'http://h'}]}]
route: {receiver: r, group_by: [alertname], group_wait: 1s, group_interval: 1m}
";

/// 2024-02-29 12:00 in UTC.
const NOON_MS: i64 = 1_709_208_000_000;
const STEP_MS: i64 = 20;
const PEER_TIMEOUT_MS: i64 = 15_000;
const HOUR_MS: i64 = 3_600_000;

/// So many datagrams are lost where peers have to hear of each other within a turn.
const LOSS: f64 = 0.05;

/// And where they only have to hear of each other at last.
const LOSS_HEAVY: f64 = 0.2;

struct Peer {
    gossip: Gossip,
    pipeline: Pipeline,
    /// What waits for this peer's turn.
    waiting: BTreeMap<(i64, u64), (Flush, Vec<Delivery>)>,
    is_up: bool,
    side: usize,
}

struct Network {
    peers: Vec<Peer>,
    under_way: BTreeMap<(i64, u64), (usize, SocketAddr, Vec<u8>)>,
    count: u64,
    now_ms: i64,
    random: StdRng,
    loss: f64,
    /// Which group was told, by whom.
    told: Vec<(String, usize)>,
}

fn address(at: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(at).unwrap() + 1], 9094))
}

fn peer(at: usize, seed: u64) -> Peer {
    let options = GossipOptions {
        label: String::new(),
        gossip_interval: Duration::from_millis(200),
        probe_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_millis(500),
        reconnect_timeout: Duration::from_secs(6 * 3600),
    };
    let limits = SilenceLimits {
        silences_max: 0,
        silence_bytes_max: 0,
        retention_ms: 120 * HOUR_MS,
    };
    let config: Config = serde_yaml::from_str(CONFIG).unwrap();
    let pipeline = Pipeline::new(
        config.resolve(MatcherMode::default()).unwrap(),
        Silences::new(limits, Vec::new()).0,
        NotificationLog::new(120 * HOUR_MS, Vec::new()),
        "http://narthex".to_owned(),
    );
    let id = PeerId::new(format!("peer-{at}"), address(at), 1);
    Peer {
        gossip: Gossip::new(id, options, seed * 100 + at as u64).unwrap(),
        pipeline,
        waiting: BTreeMap::new(),
        is_up: true,
        side: 0,
    }
}

impl Network {
    fn new(count: usize, seed: u64, loss: f64) -> Self {
        let mut network = Self {
            peers: (0..count).map(|at| peer(at, seed)).collect(),
            under_way: BTreeMap::new(),
            count: 0,
            now_ms: NOON_MS,
            random: StdRng::seed_from_u64(seed),
            loss,
            told: Vec::new(),
        };
        for at in 1..count {
            network.connect(at, 0);
        }
        network.run_until("all are there", |network| network.is_whole());
        network
    }

    fn is_whole(&self) -> bool {
        let count = self.peers.len();
        let mut peers = self.peers.iter();
        peers.all(|peer| peer.gossip.others().count() + 1 == count)
    }

    /// Whether all have the same silences and the same log.
    fn is_same(&self) -> bool {
        let state = |peer: &Peer| {
            let silences: Vec<Silence> = peer.pipeline.silences.all().cloned().collect();
            (silences, peer.pipeline.log.all())
        };
        let first = state(&self.peers[0]);
        self.peers.iter().all(|peer| state(peer) == first)
    }

    fn can_talk(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.peers[one], &self.peers[other]);
        one.is_up && other.is_up && one.side == other.side
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn collect(&mut self, from: usize) {
        for (to, datagram) in self.peers[from].gossip.take_datagrams() {
            if !self.random.random_bool(self.loss) {
                let at_ms = self.now_ms + self.random.random_range(1..100);
                let count = self.next();
                self.under_way.insert((at_ms, count), (from, to, datagram));
            }
        }
    }

    fn tell(&mut self, at: usize, state: &str, data: Vec<u8>) {
        let update = Update {
            state: state.to_owned(),
            data,
        };
        let now_ms = self.now_ms.unsigned_abs();
        let sent = self.peers[at].gossip.tell(&update, now_ms);
        self.collect(at);
        if sent == Sent::TooLarge {
            // A connection to each: it works, or it does not.
            for to in 0..self.peers.len() {
                if to != at && self.can_talk(at, to) {
                    self.merge(to, &update);
                }
            }
        }
    }

    /// What was new comes back.
    fn merge(&mut self, at: usize, update: &Update) -> Option<Vec<u8>> {
        let (pipeline, now_ms) = (&mut self.peers[at].pipeline, self.now_ms);
        match update.state.as_str() {
            SILENCES => {
                let (new, faults) = pipeline
                    .silences
                    .merge(decode(&update.data).unwrap(), now_ms);
                assert!(faults.is_empty(), "{faults:?}");
                (!new.is_empty()).then(|| encode(&new))
            }
            LOG => {
                let new = pipeline.log.merge(decode(&update.data).unwrap(), now_ms);
                (!new.is_empty()).then(|| encode(&new))
            }
            state => panic!("{state}"),
        }
    }

    fn whole(&self, at: usize) -> Vec<Update> {
        let pipeline = &self.peers[at].pipeline;
        let silences: Vec<&Silence> = pipeline.silences.all().collect();
        [
            (SILENCES, encode(&silences)),
            (LOG, encode(&pipeline.log.all())),
        ]
        .map(|(state, data)| Update {
            state: state.to_owned(),
            data,
        })
        .into()
    }

    /// Whole states both ways.
    fn connect(&mut self, one: usize, other: usize) {
        if !self.can_talk(one, other) {
            return;
        }
        let now_ms = self.now_ms.unsigned_abs();
        let said = (self.peers[one].gossip.hello(), self.whole(one));
        self.peers[other].gossip.greet(said.0, now_ms).unwrap();
        let answer = (self.peers[other].gossip.hello(), self.whole(other));
        self.peers[one].gossip.greet(answer.0, now_ms).unwrap();
        for (at, states) in [(one, answer.1), (other, said.1)] {
            self.collect(at);
            for update in states {
                if let Some(new) = self.merge(at, &update) {
                    self.tell(at, &update.state, new);
                }
            }
        }
    }

    fn step(&mut self) {
        self.now_ms += STEP_MS;
        let (now_ms, gossip_ms) = (self.now_ms, self.now_ms.unsigned_abs());
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= now_ms
        {
            let (from, to, datagram) = entry.remove();
            let to = (0..self.peers.len()).find(|at| address(*at) == to).unwrap();
            if self.can_talk(from, to) {
                let updates = self.peers[to].gossip.receive(&datagram, gossip_ms);
                for update in updates.unwrap() {
                    self.merge(to, &update);
                }
                self.collect(to);
            }
        }
        for at in 0..self.peers.len() {
            if !self.peers[at].is_up {
                continue;
            }
            self.peers[at].gossip.tick(gossip_ms);
            self.collect(at);
            let due = self.peers[at].pipeline.take_due(now_ms);
            for telling in due {
                let position = i64::try_from(self.peers[at].gossip.position()).unwrap();
                let key = (now_ms + position * PEER_TIMEOUT_MS, self.next());
                let entry = (telling.flush, telling.deliveries);
                self.peers[at].waiting.insert(key, entry);
            }
            self.take_turns(at);
        }
    }

    fn take_turns(&mut self, at: usize) {
        let now_ms = self.now_ms;
        while let Some(entry) = self.peers[at].waiting.first_entry()
            && entry.key().0 <= now_ms
        {
            let (flush, planned) = entry.remove();
            let needed = self.peers[at].pipeline.still_needed(planned, now_ms);
            for delivery in needed {
                let group = delivery.notification.group_labels.get("alertname");
                self.told.push((group.unwrap().to_owned(), at));
                if let Some(entry) = self.peers[at].pipeline.settle(delivery, now_ms) {
                    self.tell(at, LOG, encode(&[entry]));
                }
            }
            self.peers[at].pipeline.finish(&flush, true);
        }
    }

    fn run(&mut self, ms: i64) {
        let end_ms = self.now_ms + ms;
        while self.now_ms < end_ms {
            self.step();
            // Those that are gone are looked for once in ten seconds.
            if self.now_ms % 10_000 == 0 {
                for at in 0..self.peers.len() {
                    let gone: Vec<SocketAddr> = self.peers[at]
                        .gossip
                        .failed()
                        .map(|peer| peer.address)
                        .collect();
                    for gone in gone {
                        let to = (0..self.peers.len()).find(|to| address(*to) == gone);
                        self.connect(at, to.unwrap());
                    }
                }
            }
            // One exchanges states with another once in a minute.
            if self.now_ms % 60_000 == 0 {
                let one = self.random.random_range(0..self.peers.len());
                let other = self.random.random_range(0..self.peers.len());
                if one != other {
                    self.connect(one, other);
                }
            }
        }
    }

    fn run_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            if is_so(self) {
                return;
            }
            self.run(1_000);
        }
        panic!("waited in vain: {what}");
    }

    /// Posts an alert to each that is up, within two seconds.
    fn fire(&mut self, name: &str) {
        for at in 0..self.peers.len() {
            let pause_ms = self.random.random_range(0..30) * STEP_MS;
            self.run(pause_ms);
            if !self.peers[at].is_up {
                continue;
            }
            let alert = Alert {
                labels: Labels::from_pairs([("alertname", name)]),
                annotations: BTreeMap::new(),
                starts_at_ms: self.now_ms,
                ends_at_ms: self.now_ms + HOUR_MS,
                updated_at_ms: self.now_ms,
                is_timeout: false,
                generator_url: String::new(),
            };
            let now_ms = self.now_ms;
            self.peers[at].pipeline.post(alert, now_ms).unwrap();
        }
    }

    fn silence(&mut self, at: usize, alertname: &str) {
        let matchers = MatcherMode::default().parse(&format!("alertname={alertname}"));
        let silence = Silence {
            id: String::new(),
            matchers: matchers.unwrap().iter().map(MatcherFields::of).collect(),
            starts_at_ms: self.now_ms,
            ends_at_ms: self.now_ms + HOUR_MS,
            updated_at_ms: 0,
            created_by: "me".to_owned(),
            comment: "c".repeat(self.random.random_range(0..1000)),
        };
        let now_ms = self.now_ms;
        let silences = &mut self.peers[at].pipeline.silences;
        let before = silences.clone();
        silences.set(silence, now_ms).unwrap();
        let new = silences.changed_since(&before);
        self.tell(at, SILENCES, encode(&new));
    }

    fn times(&self, name: &str) -> usize {
        self.told.iter().filter(|(group, _)| group == name).count()
    }
}

#[test]
fn seeds_peers_tell_once_and_at_least_once_whatever_becomes_of_one() {
    for seed in 0..12 {
        let mut network = Network::new(3, seed, LOSS);
        let victim = usize::try_from(seed % 3).unwrap();
        network.fire("all are there");
        network.run(120_000);
        assert_eq!(network.times("all are there"), 1, "seed {seed}");

        network.peers[victim].is_up = false;
        network.fire("one stands still");
        network.run(120_000);
        assert_eq!(network.times("one stands still"), 1, "seed {seed}");
        network.peers[victim].is_up = true;
        network.run_until("it goes on", Network::is_whole);

        network.peers[victim].side = 1;
        network.run(30_000);
        network.silence(victim, "one is cut off and silences");
        network.fire("one is cut off");
        network.run(120_000);
        let times = network.times("one is cut off");
        // At least once, and each peer at most once.
        assert!((1..=3).contains(&times), "seed {seed}: {times}");
        network.peers[victim].side = 0;
        network.run_until("all are back", |network| {
            network.is_whole() && network.is_same()
        });
        // What one side told the other one does not tell again.
        assert_eq!(network.times("one is cut off"), times, "seed {seed}");

        network.silence((victim + 1) % 3, "another one silences");
        network.run(5_000);
        for name in [
            "it is healed",
            "one is cut off and silences",
            "another one silences",
        ] {
            network.fire(name);
        }
        network.run(120_000);
        assert_eq!(network.times("it is healed"), 1, "seed {seed}");
        assert_eq!(
            network.times("one is cut off and silences"),
            0,
            "seed {seed}"
        );
        assert_eq!(network.times("another one silences"), 0, "seed {seed}");
    }
}

#[test]
fn seeds_states_become_the_same_over_a_network_that_is_cut_again_and_again() {
    for seed in 0..8 {
        let mut network = Network::new(5, seed, LOSS_HEAVY);
        for round in 0..10 {
            for peer in &mut network.peers {
                peer.side = network.random.random_range(0..2);
            }
            for change in 0..4 {
                let at = network.random.random_range(0..network.peers.len());
                network.silence(at, &format!("n{round}-{change}"));
                let pause_ms = network.random.random_range(0..500) * STEP_MS;
                network.run(pause_ms);
                let all = network.peers[at].pipeline.silences.all();
                let ids: Vec<String> = all.map(|silence| silence.id.clone()).collect();
                let id = ids[network.random.random_range(0..ids.len())].clone();
                let now_ms = network.now_ms;
                let silences = &mut network.peers[at].pipeline.silences;
                let before = silences.clone();
                silences.expire(&id, now_ms).unwrap();
                let new = silences.changed_since(&before);
                network.tell(at, SILENCES, encode(&new));
            }
            network.fire(&format!("alert {round}"));
        }
        for peer in &mut network.peers {
            peer.side = 0;
        }
        network.run_until("all are the same", |network| {
            network.is_whole() && network.is_same()
        });
        assert_eq!(network.peers[0].pipeline.silences.all().count(), 40);
    }
}

#[test]
fn what_is_no_state_is_refused_and_an_empty_one_is_nothing() {
    assert!(decode::<Silence>(b"{").is_err());
    assert!(decode::<Silence>(b"[{\"id\": 1}]").is_err());
    assert_eq!(decode::<Silence>(b""), Ok(Vec::new()));
}
