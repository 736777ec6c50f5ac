//! Asks the system's name servers for a name, below its search domains as well.

use narthex_sdk::dns::Query;
use narthex_sdk::tcp::Connection;
use narthex_sdk::udp::Socket;
use narthex_sdk::{Error, clock, files, log};

use crate::records::{Answer, DATAGRAM_BYTES, Data, Kind, answer, query};

/// Where the system says whom to ask.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The port of name servers.
const PORT: u16 = 53;

/// The answer's codes that say what is there: something, or no such name.
const NO_ERROR: u8 = 0;
const NO_SUCH_NAME: u8 = 3;

/// So many datagrams that answer something else are read; then the server does not answer.
const STRANGERS_MAX: usize = 16;

/// What the system says.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    /// Whom to ask. One that answered goes before those that did not.
    servers: Vec<String>,
    search: Vec<String>,
    dots: usize,
    /// Who answered last.
    preferred: String,
    last_id: u16,
}

impl Resolver {
    /// Reads what the system says now.
    ///
    /// # Errors
    /// It says nothing.
    pub(crate) fn read_config(&mut self) -> Result<(), Error> {
        let text = files::read_text(RESOLV_CONF)
            .map_err(|error| error.context("could not load resolv.conf"))?;
        self.servers.clear();
        self.search.clear();
        self.dots = 1;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => self.servers.extend(words.next().map(str::to_owned)),
                Some("domain") => self.search = words.take(1).map(str::to_owned).collect(),
                Some("search") => self.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let mut options = words.filter_map(|word| word.strip_prefix("ndots:"));
                    let dots = options.next().and_then(|dots| dots.parse().ok());
                    self.dots = dots.unwrap_or(self.dots);
                }
                _ => {}
            }
        }
        let preferred = &self.preferred;
        self.servers.sort_by_key(|server| server != preferred);
        Ok(())
    }

    /// The records of a name. None are there where every name that it may stand for is said not to
    /// exist.
    ///
    /// # Errors
    /// For one of those names no server said whether it exists.
    pub(crate) fn look_up(&mut self, name: &str, kind: Kind) -> Result<Vec<Data>, Error> {
        let mut unclear = None;
        for name in self.names(name) {
            match self.ask_any(&name, kind) {
                Ok(answer) if answer.rcode == NO_ERROR => return Ok(answer.records),
                Ok(_) => {}
                Err(error) => unclear = Some(error),
            }
        }
        match unclear {
            None => Ok(Vec::new()),
            Some(error) => Err(error.context(&format!("could not resolve {name:?}"))),
        }
    }

    /// The full names that a name may stand for, in the order in which they are asked for.
    fn names(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let full = format!("{name}.");
        let below = self.search.iter().map(|domain| {
            let domain = domain.trim_end_matches('.');
            format!("{name}.{domain}.")
        });
        let labels = name.split('.').count();
        match labels > self.dots {
            true => std::iter::once(full).chain(below).collect(),
            false => below.chain([full]).collect(),
        }
    }

    /// What the first server says that knows.
    fn ask_any(&mut self, name: &str, kind: Kind) -> Result<Answer, Error> {
        let mut last = Error::Unavailable("there are no name servers".to_owned());
        for server in self.servers.clone() {
            let answered = self.ask(&server, name, kind);
            let error = match answered {
                Ok(answer) if [NO_ERROR, NO_SUCH_NAME].contains(&answer.rcode) => {
                    self.preferred = server;
                    return Ok(answer);
                }
                Ok(answer) => {
                    Error::Unavailable(format!("{server} answers with code {}", answer.rcode))
                }
                Err(error) => error.context(&server),
            };
            let fields = [
                ("server", &*server),
                ("name", name),
                ("error", error.message()),
            ];
            log::debug("a name server did not help", &fields);
            last = error;
        }
        // Whoever took the most time of the call is not the first for the next name.
        self.preferred.clear();
        if !self.servers.is_empty() {
            self.servers.rotate_left(1);
        }
        Err(last)
    }

    /// Asks one server, over TCP where the answer is too long for a datagram.
    fn ask(&mut self, server: &str, name: &str, kind: Kind) -> Result<Answer, Error> {
        let id = self.next_id();
        let query = query(id, name, kind)
            .ok_or_else(|| Error::Config(format!("{name:?} is no name of DNS")))?;
        let answer = over_udp(server, &query)?;
        match answer.is_truncated {
            true => over_tcp(server, &query),
            false => Ok(answer),
        }
    }

    /// A number that is hard to guess for who sees none: the clock's nanoseconds, and one more each
    /// time.
    fn next_id(&mut self) -> u16 {
        let nanoseconds = clock::monotonic().subsec_nanos().to_be_bytes();
        let random = u16::from_be_bytes([nanoseconds[2], nanoseconds[3]]);
        self.last_id = self.last_id.wrapping_add(1) ^ random;
        self.last_id
    }
}

fn over_udp(server: &str, query: &Query) -> Result<Answer, Error> {
    let mut socket = Socket::connect(server, PORT)?;
    socket.send(query.bytes())?;
    for _ in 0..STRANGERS_MAX {
        let bytes = socket.receive(DATAGRAM_BYTES.into())?;
        if let Some(answer) = answer(query, &bytes)? {
            return Ok(answer);
        }
    }
    let text = format!("{STRANGERS_MAX} datagrams that answer something else");
    Err(Error::Protocol(text))
}

fn over_tcp(server: &str, query: &Query) -> Result<Answer, Error> {
    let mut connection = Connection::open(server, PORT)?;
    // A query is some hundred bytes at most.
    let bytes = query.bytes();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    connection.write(&[&length.to_be_bytes()[..], bytes].concat())?;
    let length = connection.read_exact(2)?;
    let length = length
        .iter()
        .fold(0, |all, byte| all << 8 | u32::from(*byte));
    let bytes = connection.read_exact(length)?;
    let answer = answer(query, &bytes)?;
    let strange = || Error::Protocol("an answer to something else".to_owned());
    let answer = answer.ok_or_else(strange)?;
    match answer.is_truncated {
        true => Err(Error::Protocol("an answer that TCP cuts off".to_owned())),
        false => Ok(answer),
    }
}
