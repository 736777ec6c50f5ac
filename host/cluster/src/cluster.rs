//! The cluster that runs: the protocol with sockets, a clock, and the states that it replicates.
//!
//! It is not: who decides what a state is. Merges run on threads that may wait for a disk.

mod exchange;
mod links;
mod probe;
mod search;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use narthex_model::Clock;
use prometheus_client::registry::Registry;
use rand::RngExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use self::probe::Unanswered;
use crate::address::{self, AddressError};
use crate::gossip::{Event, Gossip, GossipOptions, LABEL_BYTES_MAX, PEERS_MAX, Sent};
use crate::metrics::{MessageKind, Metrics};
use crate::peer::{Peer, PeerId};
use crate::transport::{Outgoing, PeerTls, Transport};
use crate::{Refusal, Update};

/// So many updates of others wait to be merged. One more is dropped; it comes with the next whole
/// state.
const INCOMING_MAX: usize = 1024;

/// So many updates that are too large for a datagram wait to be sent. One more is dropped; peers get
/// it with the next whole state.
const OVERSIZED_MAX: usize = 64;

/// After this time the protocol is looked at where nothing is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// So long nothing is read from a socket that fails.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// A peer that goes has so long to tell the others where it does so over TLS.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// So many ports of the system's choice are tried where one has to be free for connections and for
/// datagrams.
const PORTS_TRIED_MAX: usize = 16;

/// The largest datagram that there is.
const DATAGRAM_BUFFER_BYTES: usize = 64 << 10;

/// A state that peers have in common. Merging must not depend on the order, and merging the same
/// twice must change nothing. Either may wait for a disk.
pub trait Replicated: Send + Sync + std::fmt::Debug {
    /// All of it.
    fn whole(&self) -> Vec<u8>;

    /// Takes what another peer knows, all or a part. What was new of it comes back, to be told to
    /// others; `None` where nothing was.
    ///
    /// # Errors
    /// It cannot be read; then nothing changed.
    fn merge(&self, data: &[u8]) -> Result<Option<Vec<u8>>, String>;
}

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The time; names and generations of peers come from it.
    pub clock: Arc<dyn Clock>,
    /// `host:port`, by UDP and TCP; without a host, all addresses.
    pub listen_address: String,
    /// Peers prove by it who they are, and all they say is encrypted; there is no UDP then.
    pub tls: Option<Arc<dyn PeerTls>>,
    /// What others are told instead.
    pub advertise_address: Option<String>,
    /// Whether an address that is found may be a public one.
    pub may_advertise_public: bool,
    /// Who is asked first, `host:port` each; names are resolved again and again.
    pub peers: Vec<String>,
    /// So much later than the one before it does each peer what one is to do.
    pub peer_timeout: Duration,
    /// How the protocol behaves.
    pub gossip: GossipOptions,
    /// Once in this time whole states are exchanged with one peer.
    pub pushpull_interval: Duration,
    /// After this time it is ready, however much changes.
    pub settle_timeout: Duration,
    /// One exchange over a connection has this time.
    pub tcp_timeout: Duration,
    /// How often peers that are gone, and those of `peers` that are not there, are looked for.
    pub reconnect_interval: Duration,
}

impl ClusterOptions {
    /// Whether a cluster can run with them.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), ClusterError> {
        address::check(&self.listen_address, true)?;
        for peer in &self.peers {
            address::check(peer, false)?;
        }
        if let Some(advertised) = &self.advertise_address {
            address::check(advertised, false)?;
        }
        let gossip = &self.gossip;
        if gossip.label.len() > LABEL_BYTES_MAX {
            let text = format!("--cluster.label is over {LABEL_BYTES_MAX} bytes long");
            return Err(ClusterError::Options(text));
        }
        for (flag, duration) in [
            ("gossip-interval", gossip.gossip_interval),
            ("probe-interval", gossip.probe_interval),
            ("probe-timeout", gossip.probe_timeout),
            ("reconnect-timeout", gossip.reconnect_timeout),
            ("reconnect-interval", self.reconnect_interval),
            ("pushpull-interval", self.pushpull_interval),
            ("tcp-timeout", self.tcp_timeout),
        ] {
            if duration.is_zero() {
                let text = format!("--cluster.{flag} must be longer than 0");
                return Err(ClusterError::Options(text));
            }
        }
        match gossip.probe_timeout < gossip.probe_interval {
            true => Ok(()),
            false => Err(ClusterError::Options(
                "--cluster.probe-timeout must be shorter than --cluster.probe-interval".to_owned(),
            )),
        }
    }
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// An address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It cannot listen.
    #[error("unable to listen on {address} for the cluster")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// A flag says what cannot be.
    #[error("{0}")]
    Options(String),
    /// The certificates of the peers cannot be used.
    #[error("invalid --cluster.tls-config: {0}")]
    Tls(String),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterStatus {
    /// Peers are still being found.
    Settling,
    /// The peers are known.
    Ready,
}

impl ClusterStatus {
    /// Its name in Alertmanager's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::Ready => "ready",
        }
    }
}

/// A queue whose end is taken when tasks start.
#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<Update>,
    receiver: Mutex<Option<mpsc::Receiver<Update>>>,
}

impl Queue {
    fn new(updates_max: usize) -> Self {
        let (sender, receiver) = mpsc::channel(updates_max);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }

    fn take(&self) -> Option<mpsc::Receiver<Update>> {
        lock(&self.receiver).take()
    }
}

/// What is replicated, by name.
type States = Vec<(&'static str, Arc<dyn Replicated>)>;

/// A peer of a cluster.
#[derive(Debug)]
pub struct Cluster {
    options: ClusterOptions,
    me: Peer,
    gossip: Mutex<Gossip>,
    /// Times of the protocol count from here.
    start: Instant,
    transport: Transport,
    listener: Mutex<Option<TcpListener>>,
    /// Datagrams that go over connections, until tasks start.
    outgoing: Mutex<Option<mpsc::Receiver<Outgoing>>>,
    /// So many peers may have a connection open that their datagrams come over.
    hearing: Semaphore,
    states: OnceLock<States>,
    incoming: Queue,
    oversized: Queue,
    unanswered: Unanswered,
    wake: Notify,
    status: watch::Sender<ClusterStatus>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Who sends the datagrams that go over connections.
    links: Mutex<Option<JoinHandle<()>>>,
    /// Those that could not be reached when they were tried last.
    unreachable: Mutex<BTreeSet<SocketAddr>>,
    /// So that the log says once what is refused again and again.
    last_refused: Mutex<Option<(IpAddr, Refusal)>>,
    metrics: Metrics,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What a panic left behind is no half of a change that matters more than going on.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sockets for connections and for datagrams at one port. Where the system chooses it, a port that is
/// free for connections may be taken for datagrams: then it is asked for another one.
async fn same_port(address: &str) -> io::Result<(TcpListener, UdpSocket)> {
    let mut tried = 0;
    loop {
        let listener = TcpListener::bind(address).await?;
        tried += 1;
        match UdpSocket::bind(listener.local_addr()?).await {
            Ok(socket) => return Ok((listener, socket)),
            Err(error) if tried == PORTS_TRIED_MAX || !address.ends_with(":0") => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
}

impl Cluster {
    /// Takes the addresses. Nothing is sent and nobody is heard before [`Self::start`].
    ///
    /// # Errors
    /// The options do not go together, or the addresses cannot be used.
    pub async fn bind(
        options: ClusterOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, ClusterError> {
        options.check()?;
        let address = match options.listen_address.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => options.listen_address.clone(),
        };
        let failed = |source| ClusterError::Listen {
            address: options.listen_address.clone(),
            source,
        };
        let (listener, transport, outgoing) = match &options.tls {
            None => {
                let (listener, socket) = same_port(&address).await.map_err(failed)?;
                (listener, Transport::Plain(socket), None)
            }
            Some(tls) => {
                tls.server().map_err(ClusterError::Tls)?;
                tls.client().map_err(ClusterError::Tls)?;
                let listener = TcpListener::bind(&address).await.map_err(failed)?;
                let (sender, receiver) = mpsc::channel(links::OUTGOING_MAX);
                let transport = Transport::Tls {
                    tls: Arc::clone(tls),
                    outgoing: Mutex::new(Some(sender)),
                };
                (listener, transport, Some(receiver))
            }
        };
        let bound = listener.local_addr().map_err(failed)?;
        let advertised = address::advertised(
            options.advertise_address.as_deref(),
            bound,
            &options.peers,
            options.may_advertise_public,
        );
        let id = PeerId::begin(advertised.await?, &*options.clock);
        let me = Peer::from(&id);
        let seed = rand::rng().random();
        let gossip = Gossip::new(id, options.gossip.clone(), seed)
            .map_err(|refusal| ClusterError::Options(format!("--cluster.label: {refusal}")))?;
        tracing::info!(
            name = me.name,
            address = %me.address,
            tls = transport.is_tls(),
            "this server is a peer of a cluster of Alertmanagers"
        );
        Ok(Arc::new(Self {
            me,
            gossip: Mutex::new(gossip),
            start: Instant::now(),
            metrics: Metrics::register(registry, transport.is_tls()),
            transport,
            listener: Mutex::new(Some(listener)),
            outgoing: Mutex::new(outgoing),
            hearing: Semaphore::new(PEERS_MAX),
            states: OnceLock::new(),
            incoming: Queue::new(INCOMING_MAX),
            oversized: Queue::new(OVERSIZED_MAX),
            unanswered: Unanswered::new(),
            wake: Notify::new(),
            status: watch::Sender::new(ClusterStatus::Settling),
            tasks: Mutex::default(),
            links: Mutex::default(),
            unreachable: Mutex::default(),
            last_refused: Mutex::default(),
            options,
        }))
    }

    /// Joins the others, and replicates these states from now on. A second call does nothing.
    pub fn start(self: &Arc<Self>, states: States) {
        let (Some(listener), Some(incoming), Some(oversized)) = (
            lock(&self.listener).take(),
            self.incoming.take(),
            self.oversized.take(),
        ) else {
            return;
        };
        for (name, _) in &states {
            self.metrics.begin(name);
        }
        // It is empty: whoever came first took the listener.
        let _ = self.states.set(states);
        let mut tasks = vec![
            tokio::spawn(Arc::clone(self).gossip()),
            tokio::spawn(Arc::clone(self).accept(listener)),
            tokio::spawn(Arc::clone(self).merge_incoming(incoming)),
            tokio::spawn(Arc::clone(self).send_oversized(oversized)),
            tokio::spawn(Arc::clone(self).search()),
            tokio::spawn(Arc::clone(self).exchange_now_and_then()),
            tokio::spawn(Arc::clone(self).settle()),
        ];
        if let Some(pings) = self.unanswered.take().filter(|_| !self.transport.is_tls()) {
            tasks.push(tokio::spawn(Arc::clone(self).ping_again(pings)));
        }
        lock(&self.tasks).extend(tasks);
        if let Some(outgoing) = lock(&self.outgoing).take() {
            let links = tokio::spawn(Arc::clone(self).send_datagrams(outgoing));
            *lock(&self.links) = Some(links);
        }
    }

    /// Tells the others that this peer goes, and ends.
    pub async fn stop(&self) {
        self.act(|gossip, now_ms| gossip.leave(now_ms));
        // What the others are told is on its way when those who send it have ended.
        self.transport.close();
        let links = lock(&self.links).take();
        if let Some(mut links) = links
            && timeout(GOODBYE_TIMEOUT, &mut links).await.is_err()
        {
            links.abort();
            // It ends by being aborted.
            let _ = links.await;
        }
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            task.abort();
            // It ends by being aborted.
            let _ = task.await;
        }
    }

    /// This peer.
    pub fn me(&self) -> &Peer {
        &self.me
    }

    /// All peers that are there, this one among them, sorted by name.
    pub fn peers(&self) -> Vec<Peer> {
        lock(&self.gossip).peers()
    }

    /// How far it is.
    pub fn status(&self) -> ClusterStatus {
        *self.status.borrow()
    }

    /// Returns when the peers are known, or the time for that is up.
    pub async fn ready(&self) {
        let mut status = self.status.subscribe();
        // The sender is here as long as this is.
        let _ = status
            .wait_for(|status| *status == ClusterStatus::Ready)
            .await;
    }

    /// So long this peer waits before it does what one peer is to do: those before it may have done
    /// it by then, and told it.
    pub fn turn(&self) -> Duration {
        let position = lock(&self.gossip).position();
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        self.options.peer_timeout.saturating_mul(position)
    }

    /// Tells the others of a change of a state. It does not wait for them.
    pub fn tell(&self, state: &str, data: Vec<u8>) {
        let update = Update {
            state: state.to_owned(),
            data,
        };
        let sent = self.act(|gossip, now_ms| gossip.tell(&update, now_ms));
        self.wake.notify_one();
        let is_dropped = match sent {
            Sent::Gossip | Sent::Nobody => false,
            Sent::TooLarge => self.oversized.sender.try_send(update).is_err(),
            Sent::Full => true,
        };
        if is_dropped {
            self.metrics.dropped(state).inc();
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets the protocol do something, sends what it has to send, and notes who came and went.
    fn act<T>(&self, act: impl FnOnce(&mut Gossip, u64) -> T) -> T {
        let now_ms = self.now_ms();
        let (done, datagrams, unanswered, events) = {
            let mut gossip = lock(&self.gossip);
            let done = act(&mut gossip, now_ms);
            let events = gossip.take_events();
            let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            self.metrics.failed.set(count(gossip.failed().len()));
            if !events.is_empty() {
                self.metrics.members.set(count(gossip.others().count() + 1));
                self.metrics.position.set(count(gossip.position()));
            }
            let unanswered = gossip.take_unanswered();
            (done, gossip.take_datagrams(), unanswered, events)
        };
        if !self.transport.is_tls() {
            unanswered
                .into_iter()
                .for_each(|ping| self.unanswered.offer(ping));
        }
        for (to, datagram) in datagrams {
            // One that is lost is sent again, or not needed.
            match self.transport.send(datagram, to) {
                Ok(Some(bytes)) => self.metrics.sent(MessageKind::Update, bytes),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, %to, "a datagram was not sent"),
            }
        }
        for event in events {
            match event {
                Event::Joined(peer) => {
                    self.metrics.joined.inc();
                    tracing::info!(name = peer.name, address = %peer.address, "a peer joined");
                }
                Event::Left(peer) => {
                    self.metrics.left.inc();
                    tracing::warn!(name = peer.name, address = %peer.address, "a peer is gone");
                }
            }
        }
        done
    }

    /// Reads datagrams, and does what is due.
    async fn gossip(self: Arc<Self>) {
        let mut buffer = vec![0; DATAGRAM_BUFFER_BYTES];
        loop {
            let due_ms = lock(&self.gossip).next_due_ms();
            let pause = due_ms.map_or(LOOK_INTERVAL, |due_ms| {
                Duration::from_millis(due_ms.saturating_sub(self.now_ms())).min(LOOK_INTERVAL)
            });
            tokio::select! {
                received = self.transport.receive(&mut buffer) => match received {
                    Ok((length, from)) => {
                        self.receive(buffer.get(..length).unwrap_or_default(), from);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "no datagram can be read");
                        tokio::time::sleep(ERROR_PAUSE).await;
                    }
                },
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
            }
            self.act(Gossip::tick);
        }
    }

    fn receive(&self, datagram: &[u8], from: SocketAddr) {
        self.metrics.received(MessageKind::Update, datagram.len());
        match self.act(|gossip, now_ms| gossip.receive(datagram, now_ms)) {
            Ok(updates) => self.offer(updates),
            Err(refusal) => self.refuse(refusal, from),
        }
    }

    /// Lets updates of others be merged.
    fn offer(&self, updates: Vec<Update>) {
        for update in updates {
            let Some((name, _)) = self.state(&update.state) else {
                tracing::debug!(state = update.state, "there is no such state");
                continue;
            };
            if self.incoming.sender.try_send(update).is_err() {
                self.metrics.dropped(name).inc();
            }
        }
    }

    fn state(&self, name: &str) -> Option<&(&'static str, Arc<dyn Replicated>)> {
        let states = self.states.get()?;
        states.iter().find(|(known, _)| *known == name)
    }

    /// Counts what is refused, and says so where it is another refusal than the last one.
    fn refuse(&self, refusal: Refusal, from: SocketAddr) {
        self.refuse_with(refusal, from, None);
    }

    /// The same, with an error that says more.
    fn refuse_with(&self, refusal: Refusal, from: SocketAddr, error: Option<&io::Error>) {
        self.metrics.refused(refusal).inc();
        let last = lock(&self.last_refused).replace((from.ip(), refusal));
        if last != Some((from.ip(), refusal)) {
            let error = error.map(tracing::field::display);
            tracing::warn!(%from, reason = %refusal, error, "what came from another peer is refused");
        }
    }
}

#[cfg(test)]
mod tests;
