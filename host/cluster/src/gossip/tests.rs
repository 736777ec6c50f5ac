use rand::RngExt as _;

use super::*;

fn options(label: &str) -> GossipOptions {
    GossipOptions {
        label: label.to_owned(),
        gossip_interval: Duration::from_millis(200),
        probe_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_millis(500),
        reconnect_timeout: Duration::from_secs(600),
    }
}

fn address(at: usize) -> SocketAddr {
    format!("10.0.{}.{}:9094", at / 200, at % 200 + 1)
        .parse()
        .unwrap()
}

fn gossip(at: usize, label: &str) -> Gossip {
    let id = PeerId::new(format!("peer-{at:03}"), address(at), 1);
    Gossip::new(id, options(label), at as u64).unwrap()
}

fn update(text: &str) -> Update {
    Update {
        state: "s".to_owned(),
        data: text.as_bytes().to_vec(),
    }
}

/// A cluster over a network that loses and delays datagrams, and that can be cut.
struct Network {
    peers: Vec<Gossip>,
    /// Which updates each peer has.
    has: Vec<BTreeSet<Vec<u8>>>,
    /// On which side of the cut each is.
    sides: Vec<usize>,
    under_way: BTreeMap<(u64, u64), (usize, SocketAddr, Vec<u8>)>,
    sent: u64,
    now_ms: u64,
    loss: f64,
    /// Whether pings that are not answered are said over connections, which lose nothing.
    is_pinged_again: bool,
    random: StdRng,
}

impl Network {
    fn new(count: usize, seed: u64) -> Self {
        Self {
            peers: (0..count).map(|at| gossip(at, "")).collect(),
            has: vec![BTreeSet::new(); count],
            sides: vec![0; count],
            under_way: BTreeMap::new(),
            sent: 0,
            now_ms: 0,
            loss: 0.2,
            is_pinged_again: false,
            random: StdRng::seed_from_u64(seed),
        }
    }

    fn collect(&mut self, from: usize) {
        for (to, datagram) in self.peers[from].take_datagrams() {
            if self.random.random_bool(self.loss) {
                continue;
            }
            self.sent += 1;
            let at_ms = self.now_ms + self.random.random_range(1..100);
            self.under_way
                .insert((at_ms, self.sent), (from, to, datagram));
        }
    }

    /// A connection: each hears of the other, or none does.
    fn connect(&mut self, one: usize, other: usize) {
        if self.sides[one] != self.sides[other] {
            return;
        }
        let hello = self.peers[one].hello();
        self.peers[other].greet(hello, self.now_ms).unwrap();
        let answer = self.peers[other].hello();
        self.peers[one].greet(answer, self.now_ms).unwrap();
        let (mine, others) = (self.has[one].clone(), self.has[other].clone());
        // Each tells on what was new to it.
        for (at, got) in [(one, &others - &mine), (other, &mine - &others)] {
            for data in got {
                self.peers[at].tell(&update(std::str::from_utf8(&data).unwrap()), self.now_ms);
                self.has[at].insert(data);
            }
            self.collect(at);
        }
    }

    fn tell(&mut self, at: usize, text: &str) -> Sent {
        let update = update(text);
        self.has[at].insert(update.data.clone());
        let sent = self.peers[at].tell(&update, self.now_ms);
        self.collect(at);
        sent
    }

    fn run(&mut self, for_ms: u64) {
        let end_ms = self.now_ms + for_ms;
        while self.now_ms < end_ms {
            self.now_ms += 10;
            while let Some(entry) = self.under_way.first_entry()
                && entry.key().0 <= self.now_ms
            {
                let (from, address, datagram) = entry.remove();
                let to = self
                    .peers
                    .iter()
                    .position(|peer| peer.me().address == address);
                let to = to.unwrap();
                if self.sides[from] == self.sides[to] {
                    for update in self.peers[to].receive(&datagram, self.now_ms).unwrap() {
                        self.has[to].insert(update.data);
                    }
                    self.collect(to);
                }
            }
            for at in 0..self.peers.len() {
                self.peers[at].tick(self.now_ms);
                self.collect(at);
                self.ping_again(at);
            }
        }
    }

    /// What who has the sockets does where no datagram is answered.
    fn ping_again(&mut self, from: usize) {
        for (address, ping) in self.peers[from].take_unanswered() {
            let to = self
                .peers
                .iter()
                .position(|peer| peer.me().address == address);
            let to = to.unwrap();
            if !self.is_pinged_again || self.sides[from] != self.sides[to] {
                continue;
            }
            let (_, answer) = self.peers[to].answer(&ping, self.now_ms).unwrap();
            self.collect(to);
            self.peers[from]
                .receive(&answer.unwrap(), self.now_ms)
                .unwrap();
            self.collect(from);
        }
    }

    /// What who has the sockets does now and then: it looks for those that are gone.
    fn reconnect(&mut self) {
        for at in 0..self.peers.len() {
            let gone: Vec<SocketAddr> = self.peers[at].failed().map(|peer| peer.address).collect();
            for address in gone {
                let to = self
                    .peers
                    .iter()
                    .position(|peer| peer.me().address == address);
                self.connect(at, to.unwrap());
            }
        }
    }

    fn members(&self) -> Vec<usize> {
        self.peers.iter().map(|peer| peer.peers().len()).collect()
    }

    fn run_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..200 {
            if is_so(self) {
                return;
            }
            self.run(1_000);
            self.reconnect();
        }
        panic!("{what}: {:?}", self.members());
    }
}

#[test]
fn seeds_peers_find_each_other_part_and_heal_over_a_network_that_loses() {
    for seed in 0..20 {
        let mut network = Network::new(5, seed);
        for at in 1..5 {
            network.connect(at, 0);
        }
        network.run_until("all are there", |network| network.members() == [5; 5]);
        let positions: Vec<usize> = network.peers.iter().map(Gossip::position).collect();
        assert_eq!(positions, [0, 1, 2, 3, 4]);
        for at in 0..5 {
            assert_eq!(network.tell(at, &format!("early {at}")), Sent::Gossip);
        }
        network.run_until("all know all", |network| {
            network.has.iter().all(|has| has.len() == 5)
        });

        network.sides = vec![0, 0, 0, 1, 2];
        let parted = |network: &Network| network.members() == [3, 3, 3, 1, 1];
        network.run_until("the parts are alone", parted);
        assert_eq!(network.peers[3].position(), 0);
        network.tell(0, "large side");
        // It waits until somebody is back.
        assert_eq!(network.tell(4, "alone"), Sent::Gossip);

        network.sides = vec![0; 5];
        network.run_until("all are back", |network| {
            network.members() == [5; 5] && network.has.iter().all(|has| has.len() == 7)
        });
        assert!(network.peers.iter().all(|peer| peer.failed().len() == 0));
        let positions: Vec<usize> = network.peers.iter().map(Gossip::position).collect();
        assert_eq!(positions, [0, 1, 2, 3, 4], "names stay");
    }
}

#[test]
fn a_peer_is_not_gone_for_want_of_datagrams_while_it_answers_over_connections() {
    for is_pinged_again in [true, false] {
        let mut network = Network::new(3, 11);
        network.loss = 0.0;
        network.connect(1, 0);
        network.connect(2, 0);
        network.run_until("all are there", |network| network.members() == [3; 3]);
        // From now on no datagram gets through.
        network.loss = 1.0;
        network.is_pinged_again = is_pinged_again;
        let mut left = 0;
        for _ in 0..60 {
            network.run(1_000);
            for peer in &mut network.peers {
                let events = peer.take_events();
                left += events
                    .iter()
                    .filter(|event| matches!(event, Event::Left(_)))
                    .count();
            }
        }
        assert_eq!(left == 0, is_pinged_again, "{left} are gone");
        // One that does not answer over connections either is gone all the same.
        network.sides = vec![0, 0, 1];
        network.run(60_000);
        let expected = if is_pinged_again { [2, 2, 1] } else { [1; 3] };
        assert_eq!(network.members(), expected);
    }
}

#[test]
fn what_is_no_ping_is_not_answered_over_a_connection() {
    let mut network = Network::new(2, 3);
    network.loss = 0.0;
    network.connect(1, 0);
    network.tell(1, "new");
    let datagrams: Vec<Vec<u8>> = network
        .under_way
        .values()
        .map(|sent| sent.2.clone())
        .collect();
    assert!(!datagrams.is_empty());
    for datagram in datagrams
        .iter()
        .map(Vec::as_slice)
        .chain([&b"NXCL"[..], b""])
    {
        let answered = network.peers[0].answer(datagram, 0);
        assert_eq!(answered, Err(Refusal::Malformed));
    }
}

#[test]
fn an_update_reaches_all_within_a_second() {
    let mut network = Network::new(3, 7);
    network.loss = 0.0;
    network.connect(1, 0);
    network.connect(2, 0);
    network.run_until("all are there", |network| network.members() == [3; 3]);
    network.tell(2, "new");
    network.run(1_000);
    assert!(network.has.iter().all(|has| has.contains(&b"new"[..])));
}

#[test]
fn one_that_leaves_is_gone_at_once_and_one_that_starts_anew_has_its_place() {
    let mut network = Network::new(3, 1);
    network.loss = 0.0;
    network.connect(1, 0);
    network.connect(2, 0);
    network.run_until("all are there", |network| network.members() == [3; 3]);
    let now_ms = network.now_ms;
    network.peers[0].leave(now_ms);
    network.collect(0);
    network.run(500);
    assert_eq!(network.members()[1..], [2, 2]);
    let gone: Vec<Event> = network.peers[1].take_events();
    assert!(matches!(&gone[..], [.., Event::Left(peer)] if peer.name == "peer-000"));
    let id = PeerId::new("peer-new", address(0), 2);
    network.peers[0] = Gossip::new(id, options(""), 9).unwrap();
    network.run_until("it is back", |network| network.members() == [3; 3]);
    assert!(
        network.peers[2]
            .peers()
            .iter()
            .any(|peer| peer.name == "peer-new")
    );
}

#[test]
fn one_that_is_looked_for_in_vain_is_forgotten() {
    let mut network = Network::new(2, 3);
    network.connect(0, 1);
    network.sides = vec![0, 1];
    let is_alone = |network: &Network| network.members() == [1, 1];
    network.run_until("they are apart", is_alone);
    assert_eq!(network.peers[0].failed().len(), 1);
    network.run(700_000);
    assert_eq!(network.peers[0].failed().len(), 0);
}

#[test]
fn datagrams_of_other_clusters_and_versions_are_refused() {
    let mut one = gossip(0, "blue");
    let mut other = gossip(1, "blue");
    one.greet(other.hello(), 0).unwrap();
    assert_eq!(one.tell(&update("x"), 0), Sent::Gossip);
    let datagrams = one.take_datagrams();
    let (_, good) = datagrams.last().unwrap();
    let mut version = good.clone();
    version[4] = VERSION + 1;
    for (bytes, refusal) in [
        (&version[..], Refusal::Version),
        (&good[..5], Refusal::Malformed),
        (&good[..7], Refusal::Malformed),
        (&good[..12], Refusal::Malformed),
        (b"GET / HTTP/1.1", Refusal::Malformed),
        (b"", Refusal::Malformed),
    ] {
        assert_eq!(other.receive(bytes, 0), Err(refusal), "{bytes:?}");
    }
    assert_eq!(gossip(1, "green").receive(good, 0), Err(Refusal::Label));
    assert_eq!(other.receive(good, 0), Ok(vec![update("x")]));
    // It goes no further than this: who has it takes it for old.
    assert_eq!(other.receive(good, 0), Ok(Vec::new()));
}

#[test]
fn what_is_too_large_needs_a_connection_and_the_backlog_ends() {
    let mut one = gossip(0, "");
    assert_eq!(one.tell(&update("x"), 0), Sent::Nobody);
    one.greet(gossip(1, "").hello(), 0).unwrap();
    let fits = "x".repeat(UPDATE_BYTES_MAX - 2);
    assert_eq!(one.tell(&update(&fits), 0), Sent::Gossip);
    assert_eq!(one.tell(&update(&format!("{fits}x")), 0), Sent::TooLarge);
    let told = (0..2 * BACKLOG_MAX).map(|at| one.tell(&update(&format!("{at} {fits}")[..500]), 0));
    let told: Vec<Sent> = told.collect();
    assert_eq!(told.last(), Some(&Sent::Full));
    assert!(one.foca.custom_broadcast_backlog() <= BACKLOG_MAX);
}

#[test]
fn there_are_only_so_many_peers() {
    let mut one = gossip(0, "");
    for at in 1..PEERS_MAX {
        one.greet(gossip(at, "").hello(), 0).unwrap();
    }
    let late = gossip(PEERS_MAX, "");
    assert_eq!(one.greet(late.hello(), 0), Err(Refusal::TooManyPeers));
    // Nor does one come in by a datagram.
    let mut late = gossip(PEERS_MAX, "");
    late.greet(one.hello(), 0).unwrap();
    late.tell(&update("x"), 0);
    let datagrams = late.take_datagrams();
    assert!(!datagrams.is_empty());
    for (_, datagram) in datagrams {
        assert_eq!(one.receive(&datagram, 0), Err(Refusal::TooManyPeers));
    }
    assert_eq!(one.peers().len(), PEERS_MAX);
    // One that is known is heard still.
    one.greet(gossip(1, "").hello(), 0).unwrap();
    let own = PeerId::new("mine", address(0), 1);
    let own = Gossip::new(own, options(""), 0).unwrap();
    assert_eq!(one.greet(own.hello(), 0), Err(Refusal::Ourselves));
}
