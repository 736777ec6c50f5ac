//! The protocol as a value: who is there, who is gone, and which updates go to whom.
//!
//! Time and datagrams come in with each call; what is to be sent is taken out. It is not: a socket, a
//! clock, or who exchanges whole states.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use bytes::Buf as _;
use foca::{
    AccumulatingRuntime, Codec as _, Foca, Header, Member, Message, OwnedNotification,
    PeriodicParams, PostcardCodec, Timer,
};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::heard::{self, Heard};
use crate::peer::{Peer, PeerId};
use crate::{MAGIC, Refusal, Update, VERSION};

/// So many peers may be known, those that are gone among them.
pub const PEERS_MAX: usize = 256;

/// A datagram has at most this many bytes: what goes through most networks in one piece.
const DATAGRAM_BYTES_MAX: usize = 1400;

/// An update, its state's name with it, may have this many bytes to travel in a datagram, beside
/// what that has to say of peers.
pub const UPDATE_BYTES_MAX: usize = DATAGRAM_BYTES_MAX / 2;

/// A label may be this long: its length is a byte.
pub(crate) const LABEL_BYTES_MAX: usize = 255;

/// So many updates wait to be handed on. One more is not; peers get it with the next whole state.
const BACKLOG_MAX: usize = 1024;

/// An update is sent this often by each peer.
const TRANSMISSIONS: NonZeroU8 = NonZeroU8::MIN.saturating_add(9);

/// So many peers are told at a time, and asked about one that does not answer.
const FANOUT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2);

/// After this many intervals of probes a peer that does not answer is gone (memberlist's
/// `SuspicionMult`).
const SUSPICION_INTERVALS: u32 = 4;

/// How often one peer is asked whom it knows.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(30);

/// How a cluster behaves. All durations are longer than nothing, and the timeout of a probe is
/// shorter than their interval.
#[derive(Debug, Clone)]
pub struct GossipOptions {
    /// Peers of another label are refused.
    pub label: String,
    /// How often updates are handed on.
    pub gossip_interval: Duration,
    /// How often a peer is asked whether it lives.
    pub probe_interval: Duration,
    /// After this time others are asked about it.
    pub probe_timeout: Duration,
    /// So long one that is gone is remembered, and looked for.
    pub reconnect_timeout: Duration,
}

/// What became of an update that is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It travels.
    Gossip,
    /// There is nobody; who joins gets it with the whole state.
    Nobody,
    /// It needs a connection.
    TooLarge,
    /// It is dropped: too many wait. Peers get it with the next whole state.
    Full,
}

/// Who came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is there.
    Joined(Peer),
    /// It is not there any more.
    Left(Peer),
}

/// What a peer says of itself and of others when it talks over a connection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hello {
    pub(crate) from: PeerId,
    pub(crate) members: Vec<Member<PeerId>>,
}

/// One that is gone.
#[derive(Debug)]
struct Failed {
    peer: Peer,
    since_ms: u64,
}

/// One peer's side of the protocol. All times are milliseconds since any moment, the same for all
/// calls.
pub struct Gossip {
    foca: Foca<PeerId, PostcardCodec, StdRng, Heard>,
    runtime: AccumulatingRuntime<PeerId>,
    heard: Heard,
    options: GossipOptions,
    /// With it each datagram begins.
    prefix: Vec<u8>,
    timers: BTreeMap<(u64, u64), Timer<PeerId>>,
    timers_set: u64,
    failed: BTreeMap<SocketAddr, Failed>,
    datagrams: Vec<(SocketAddr, Vec<u8>)>,
    /// The newest ping, until it is answered or nobody waits for that any more.
    ping: Option<(SocketAddr, Vec<u8>)>,
    unanswered: Vec<(SocketAddr, Vec<u8>)>,
    events: Vec<Event>,
}

impl std::fmt::Debug for Gossip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gossip")
            .field("peer", self.foca.identity())
            .finish_non_exhaustive()
    }
}

fn protocol(options: &GossipOptions, bytes_max: usize) -> foca::Config {
    foca::Config {
        probe_period: options.probe_interval,
        probe_rtt: options.probe_timeout,
        num_indirect_probes: FANOUT,
        max_transmissions: TRANSMISSIONS,
        suspect_to_down_after: options.probe_interval.saturating_mul(SUSPICION_INTERVALS),
        remove_down_after: Some(options.reconnect_timeout),
        max_packet_size: NonZeroUsize::new(bytes_max).unwrap_or(NonZeroUsize::MIN),
        notify_down_members: true,
        periodic_announce: Some(PeriodicParams {
            frequency: ANNOUNCE_INTERVAL,
            num_members: NonZeroUsize::MIN,
        }),
        // Those that are gone are looked for over connections, by who has the sockets.
        periodic_announce_to_down_members: None,
        periodic_gossip: Some(PeriodicParams {
            frequency: options.gossip_interval,
            num_members: FANOUT,
        }),
    }
}

impl Gossip {
    /// A peer that knows nobody. The seed decides whom it asks first.
    ///
    /// # Errors
    /// The label is over 255 bytes long.
    pub fn new(me: PeerId, options: GossipOptions, seed: u64) -> Result<Self, Refusal> {
        let length = u8::try_from(options.label.len()).map_err(|_| Refusal::TooLarge)?;
        let mut prefix = MAGIC.to_vec();
        prefix.extend([VERSION, length]);
        prefix.extend_from_slice(options.label.as_bytes());
        let heard = Heard::default();
        let foca = Foca::with_custom_broadcast(
            me,
            protocol(&options, DATAGRAM_BYTES_MAX - prefix.len()),
            StdRng::seed_from_u64(seed),
            PostcardCodec,
            heard.clone(),
        );
        Ok(Self {
            foca,
            runtime: AccumulatingRuntime::new(),
            heard,
            options,
            prefix,
            timers: BTreeMap::new(),
            timers_set: 0,
            failed: BTreeMap::new(),
            datagrams: Vec::new(),
            ping: None,
            unanswered: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Takes a datagram. The updates that came with it come back.
    ///
    /// # Errors
    /// It is none of this cluster.
    pub fn receive(&mut self, datagram: &[u8], now_ms: u64) -> Result<Vec<Update>, Refusal> {
        let payload = self.payload(datagram)?;
        self.check_room(payload)?;
        let ack = header(payload).filter(|header| matches!(header.message, Message::Ack(_)));
        let from = ack.map(|header| header.src.address());
        if self.ping.as_ref().is_some_and(|(to, _)| from == Some(*to)) {
            self.ping = None;
        }
        let is_full = self.foca.custom_broadcast_backlog() >= BACKLOG_MAX;
        self.heard.set_backlog_full(is_full);
        let handled = self.foca.handle_data(payload, &mut self.runtime);
        self.settle(now_ms);
        let updates = self.heard.take();
        match handled {
            Err(error) if updates.is_empty() => {
                tracing::debug!(%error, "a datagram of a peer cannot be read");
                Err(Refusal::Malformed)
            }
            _ => Ok(updates),
        }
    }

    /// Takes a ping that came over a connection. The answer goes the same way: what is to be said to
    /// who asked, where there is anything.
    ///
    /// # Errors
    /// It is no ping, or none of this cluster.
    pub fn answer(
        &mut self,
        ping: &[u8],
        now_ms: u64,
    ) -> Result<(Vec<Update>, Option<Vec<u8>>), Refusal> {
        let asked = header(self.payload(ping)?);
        let asked = asked.filter(|header| matches!(header.message, Message::Ping(_)));
        let from = asked.ok_or(Refusal::Malformed)?.src.address();
        let updates = self.receive(ping, now_ms)?;
        let place = self.datagrams.iter().position(|(to, _)| *to == from);
        let answer = place.map(|place| self.datagrams.remove(place).1);
        Ok((updates, answer))
    }

    fn payload<'a>(&self, datagram: &'a [u8]) -> Result<&'a [u8], Refusal> {
        let rest = datagram.strip_prefix(&MAGIC).ok_or(Refusal::Malformed)?;
        let (version, rest) = rest.split_first().ok_or(Refusal::Malformed)?;
        if *version != VERSION {
            return Err(Refusal::Version);
        }
        let (length, rest) = rest.split_first().ok_or(Refusal::Malformed)?;
        let parts = rest.split_at_checked(usize::from(*length));
        let (label, payload) = parts.ok_or(Refusal::Malformed)?;
        match label == self.options.label.as_bytes() {
            true => Ok(payload),
            false => Err(Refusal::Label),
        }
    }

    /// Refuses a datagram that names peers that are not known, where no more can be.
    fn check_room(&self, mut payload: &[u8]) -> Result<(), Refusal> {
        let known = self.known();
        if known.len() < PEERS_MAX {
            return Ok(());
        }
        let malformed = |_| Refusal::Malformed;
        let header = PostcardCodec.decode_header(&mut payload);
        let header: Header<PeerId> = header.map_err(malformed)?;
        let mut named = vec![header.src.address()];
        if payload.len() >= 2 && header.message != Message::Broadcast {
            for _ in 0..payload.get_u16() {
                let member = PostcardCodec.decode_member(&mut payload);
                let member: Member<PeerId> = member.map_err(malformed)?;
                named.push(member.id().address());
            }
        }
        match named.iter().all(|address| known.contains(address)) {
            true => Ok(()),
            false => Err(Refusal::TooManyPeers),
        }
    }

    /// Where all peers are of which anything is known, this one among them.
    fn known(&self) -> BTreeSet<SocketAddr> {
        let members = self.foca.iter_membership_state();
        let addresses = members.map(|member| member.id().address());
        addresses.chain([self.foca.identity().address()]).collect()
    }

    /// Does what is due.
    pub fn tick(&mut self, now_ms: u64) {
        while let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= now_ms
        {
            let timer = entry.remove();
            // It had its time for an answer.
            let probed = match &timer {
                Timer::SendIndirectProbe { probed_id, .. } => Some(probed_id.address()),
                _ => None,
            };
            if let Err(error) = self.foca.handle_timer(timer, &mut self.runtime) {
                tracing::debug!(%error, "a step of the gossip failed");
            }
            self.settle(now_ms);
            if let Some(probed) = probed {
                let ping = self.ping.take().filter(|(to, _)| *to == probed);
                self.unanswered.extend(ping);
            }
        }
        let timeout_ms = millis(self.options.reconnect_timeout);
        self.failed
            .retain(|_, failed| now_ms.saturating_sub(failed.since_ms) < timeout_ms);
    }

    /// When there is something to do next.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.timers
            .first_key_value()
            .map(|((due_ms, _), _)| *due_ms)
    }

    /// Tells the others of a change, at once and with the gossip to come.
    pub fn tell(&mut self, update: &Update, now_ms: u64) -> Sent {
        // One that is taken for dead may be back in a moment, and is to hear it then.
        if self.foca.num_members() == 0 && self.failed.is_empty() {
            return Sent::Nobody;
        }
        let item = heard::encode(&update.state, &update.data);
        let Some(item) = item.filter(|item| item.len() <= UPDATE_BYTES_MAX) else {
            return Sent::TooLarge;
        };
        if self.foca.custom_broadcast_backlog() >= BACKLOG_MAX {
            return Sent::Full;
        }
        self.heard.set_backlog_full(false);
        let told = self.foca.add_broadcast(&item).map(|_| ());
        let told = told.and_then(|()| self.foca.broadcast(&mut self.runtime));
        if let Err(error) = told {
            tracing::debug!(%error, "an update cannot be told at once");
        }
        self.settle(now_ms);
        Sent::Gossip
    }

    /// What is said first over a connection.
    pub fn hello(&self) -> Hello {
        Hello {
            from: self.foca.identity().clone(),
            members: self.foca.iter_membership_state().cloned().collect(),
        }
    }

    /// Takes what a peer said over a connection: it is there, and so is whom it knows. Where it
    /// takes this peer for dead, this one comes to life again; so what is answered has to be made
    /// after this.
    ///
    /// # Errors
    /// There can be no such peer.
    pub fn greet(&mut self, hello: Hello, now_ms: u64) -> Result<(), Refusal> {
        let known = self.known();
        let own = self.foca.identity().address();
        if !hello.from.is_sound() {
            return Err(Refusal::Malformed);
        }
        if hello.from.address() == own {
            return Err(Refusal::Ourselves);
        }
        let mut room = PEERS_MAX.saturating_sub(known.len());
        let mut fits = |member: &Member<PeerId>| {
            let is_known = known.contains(&member.id().address());
            let fits = member.id().is_sound() && (is_known || room > 0);
            if fits && !is_known {
                room -= 1;
            }
            fits
        };
        // Who speaks comes first: it is to be told where this peer comes to life again.
        let from = Member::alive(hello.from);
        if !fits(&from) {
            return Err(Refusal::TooManyPeers);
        }
        let members: Vec<Member<PeerId>> = hello.members.into_iter().filter(fits).collect();
        let members = std::iter::once(from).chain(members);
        if let Err(error) = self.foca.apply_many(members, true, &mut self.runtime) {
            tracing::debug!(%error, "not all of what a peer knows of others was taken");
        }
        self.settle(now_ms);
        Ok(())
    }

    /// Tells the others that this peer goes. Nothing else may be asked of it afterwards.
    pub fn leave(&mut self, now_ms: u64) {
        if let Err(error) = self.foca.leave_cluster(&mut self.runtime) {
            tracing::debug!(%error, "the others cannot be told that this peer goes");
        }
        self.settle(now_ms);
    }

    /// Keeps what the protocol wants done.
    fn settle(&mut self, now_ms: u64) {
        while let Some((to, data)) = self.runtime.to_send() {
            let mut datagram = Vec::with_capacity(self.prefix.len() + data.len());
            datagram.extend_from_slice(&self.prefix);
            datagram.extend_from_slice(&data);
            if header(&data).is_some_and(|header| matches!(header.message, Message::Ping(_))) {
                self.ping = Some((to.address(), datagram.clone()));
            }
            self.datagrams.push((to.address(), datagram));
        }
        while let Some((after, timer)) = self.runtime.to_schedule() {
            // At least a millisecond, so that what is due ends.
            let due_ms = now_ms.saturating_add(millis(after).max(1));
            self.timers_set += 1;
            self.timers.insert((due_ms, self.timers_set), timer);
        }
        while let Some(notification) = self.runtime.to_notify() {
            match notification {
                OwnedNotification::MemberUp(id) => {
                    self.failed.remove(&id.address());
                    self.events.push(Event::Joined(Peer::from(&id)));
                }
                OwnedNotification::MemberDown(id) => {
                    let peer = Peer::from(&id);
                    let failed = Failed {
                        peer: peer.clone(),
                        since_ms: now_ms,
                    };
                    self.failed.insert(id.address(), failed);
                    self.events.push(Event::Left(peer));
                }
                _ => {}
            }
        }
    }

    /// What is to be sent, and to where.
    pub fn take_datagrams(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.datagrams)
    }

    /// Pings that were not answered in their time, and whom they were for. The protocol has others
    /// ask as well; who has connections says them over one, for it may be that no datagram gets
    /// through to a peer that is there. See [`Self::answer`].
    pub fn take_unanswered(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.unanswered)
    }

    /// Who came and went since it was asked last.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// This peer.
    pub fn me(&self) -> Peer {
        Peer::from(self.foca.identity())
    }

    /// The others that are there.
    pub fn others(&self) -> impl Iterator<Item = Peer> {
        self.foca
            .iter_members()
            .map(|member| Peer::from(member.id()))
    }

    /// All that are there, this one among them, sorted by name.
    pub fn peers(&self) -> Vec<Peer> {
        let mut peers: Vec<Peer> = self.others().chain([self.me()]).collect();
        peers.sort();
        peers
    }

    /// How many of the others come before this one, sorted by name.
    pub fn position(&self) -> usize {
        let me = self.foca.identity().name();
        let members = self.foca.iter_members();
        members.filter(|member| member.id().name() < me).count()
    }

    /// Those that are gone and are looked for.
    pub fn failed(&self) -> impl ExactSizeIterator<Item = &Peer> {
        self.failed.values().map(|failed| &failed.peer)
    }
}

/// What stands at the beginning of what the protocol says; `None` where it is not that.
fn header(mut payload: &[u8]) -> Option<Header<PeerId>> {
    PostcardCodec.decode_header(&mut payload).ok()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
