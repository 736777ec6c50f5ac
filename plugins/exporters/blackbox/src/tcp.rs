//! Connections and dialogues of lines.

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error};

use crate::address::{Address, Preference, split};
use crate::config::{self, QueryResponse};
use crate::expression::fault;
use crate::failure::Failure;
use crate::tls;

/// The longest line that is waited for, in bytes; a longer one fails the probe.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How much is read at once, in bytes.
const READ_BYTES: u32 = 4 * 1024;

/// The prober.
pub(crate) struct Prober {
    preference: Preference,
    steps: Vec<QueryResponse>,
    tls: bool,
    profile: String,
    server_name: Option<String>,
}

impl Prober {
    pub(crate) fn new(config: config::Tcp) -> Result<Self, Error> {
        let begins = config.query_response.iter().filter(|step| step.starttls);
        if begins.count() + usize::from(config.tls) > 1 {
            return Err(fault("tcp: TLS can begin once only"));
        }
        Ok(Self {
            preference: Preference {
                protocol: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
            },
            steps: config.query_response,
            tls: config.tls,
            profile: config.tls_profile,
            server_name: config.tls_config.server_name,
        })
    }

    pub(crate) fn probe(
        &self,
        target: &str,
        address: &mut Address,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let mut seen = None;
        let result = self.run(target, address, &mut seen);
        Failure::write_expression(&result, batch);
        if let Some(seen) = seen {
            seen.write(batch);
        }
        result
    }

    fn run(
        &self,
        target: &str,
        address: &mut Address,
        seen: &mut Option<tls::Seen>,
    ) -> Result<(), Failure> {
        let (host, port) = split(target)?;
        if port == 0 {
            return Err(fault(format!("the target {target:?} has no port")).into());
        }
        address.find(host, self.preference)?;
        let connection = Connection::open(host, port)?;
        address.connected(&connection.peer(), self.preference)?;
        let mut dialogue = Dialogue {
            connection,
            unread: Vec::new(),
        };
        if self.tls {
            *seen = self.begin_tls(&mut dialogue)?;
        }
        for step in &self.steps {
            let mut send = step.send.clone();
            if let Some(expression) = &step.expect {
                let mut last = String::new();
                loop {
                    let Some(line) = dialogue.line()? else {
                        let text = format!("no line matches {expression}; the last is {last:?}");
                        return Err(Failure::Expression(text));
                    };
                    if let Some(found) = expression.find(&line) {
                        send.clear();
                        found.expand(&step.send, &mut send);
                        break;
                    }
                    last = line;
                }
            }
            if !send.is_empty() {
                dialogue.connection.write(format!("{send}\n").as_bytes())?;
            }
            if step.starttls {
                *seen = self.begin_tls(&mut dialogue)?;
            }
        }
        Ok(())
    }

    fn begin_tls(&self, dialogue: &mut Dialogue) -> Result<Option<tls::Seen>, Failure> {
        // What came in the clear must not count as what is protected.
        if !dialogue.unread.is_empty() {
            let text = "the other side sent more before TLS began".to_owned();
            return Err(Error::Protocol(text).into());
        }
        let connection = &mut dialogue.connection;
        connection.start_tls(&self.profile, self.server_name.as_deref())?;
        Ok(tls::Seen::of(connection)?)
    }
}

/// A connection that is read line by line.
struct Dialogue {
    connection: Connection,
    unread: Vec<u8>,
}

impl Dialogue {
    /// The next line without its end; the last one may have none. None at the end.
    fn line(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=at).collect();
                return Ok(Some(text(&line)));
            }
            if self.unread.len() > LINE_BYTES_MAX {
                let text = format!("a line of more than {LINE_BYTES_MAX} bytes");
                return Err(Error::Protocol(text));
            }
            let more = self.connection.read(READ_BYTES)?;
            if more.is_empty() {
                let rest = std::mem::take(&mut self.unread);
                return Ok((!rest.is_empty()).then(|| text(&rest)));
            }
            self.unread.extend(more);
        }
    }
}

fn text(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end_matches(['\r', '\n']).to_owned()
}
