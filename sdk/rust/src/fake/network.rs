//! Connections, datagrams, echoes and names of the fake host.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::icmp::Reply;
use crate::tcp::TlsSession;

/// What a write is answered with.
pub(super) type Answer = Box<dyn FnMut(&[u8]) -> Vec<u8>>;

/// What a datagram is answered with, if at all.
pub(super) type DatagramAnswer = Box<dyn FnMut(&[u8]) -> Option<Vec<u8>>>;

/// A port that takes connections.
pub(super) struct Listener {
    /// What a connection can read at once.
    pub(super) greeting: Vec<u8>,
    pub(super) answer: Option<Answer>,
    pub(super) session: TlsSession,
}

#[derive(Default)]
pub(super) struct Network {
    listeners: BTreeMap<String, Rc<RefCell<Listener>>>,
    datagrams: BTreeMap<String, Rc<RefCell<DatagramAnswer>>>,
    pub(super) echoes: BTreeMap<String, Reply>,
    pub(super) names: BTreeMap<String, Vec<String>>,
    pub(super) written: Vec<u8>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("listeners", &self.listeners.keys())
            .field("datagrams", &self.datagrams.keys())
            .field("echoes", &self.echoes)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// The port of an address; connections to it are taken from now on.
    pub(super) fn listen(&mut self, address: &str) -> std::cell::RefMut<'_, Listener> {
        let new = || {
            Rc::new(RefCell::new(Listener {
                greeting: Vec::new(),
                answer: None,
                session: TlsSession {
                    version: "TLS 1.3".to_owned(),
                    cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
                    certificates: Vec::new(),
                },
            }))
        };
        let listener = self.listeners.entry(address.to_owned());
        listener.or_insert_with(new).borrow_mut()
    }

    pub(super) fn datagrams(&mut self, address: &str, answer: DatagramAnswer) {
        let answer = Rc::new(RefCell::new(answer));
        self.datagrams.insert(address.to_owned(), answer);
    }
}

pub(crate) mod tcp {
    //! As the import `tcp`.

    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::fmt;
    use std::rc::Rc;

    use super::Listener;
    use crate::Error;
    use crate::fake::secrets::Secret;
    use crate::fake::with;
    use crate::tcp::TlsSession;

    pub(crate) struct Connection {
        host: String,
        listener: Rc<RefCell<Listener>>,
        unread: VecDeque<u8>,
        tls: bool,
    }

    impl fmt::Debug for Connection {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Connection")
                .field("host", &self.host)
                .field("unread", &self.unread.len())
                .field("tls", &self.tls)
                .finish_non_exhaustive()
        }
    }

    pub(crate) fn connect(host: &str, port: u16, tls: Option<&str>) -> Result<Connection, Error> {
        let address = format!("{host}:{port}");
        let listener = with(|host| host.network.listeners.get(&address).cloned());
        let refused = || Error::Unavailable(format!("{address}: connection refused"));
        let listener = listener.ok_or_else(refused)?;
        let unread = listener.borrow().greeting.clone().into();
        Ok(Connection {
            host: host.to_owned(),
            listener,
            unread,
            tls: tls.is_some(),
        })
    }

    fn ended() -> Error {
        Error::Unavailable("the connection was closed".to_owned())
    }

    impl Connection {
        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Error> {
            with(|host| host.network.written.extend_from_slice(data));
            // Outside of `with`: the answer may look at the host.
            if let Some(answer) = &mut self.listener.borrow_mut().answer {
                self.unread.extend(answer(data));
            }
            Ok(())
        }

        pub(crate) fn write_secret(
            &mut self,
            prefix: &[u8],
            secret: &Secret,
            suffix: &[u8],
        ) -> Result<(), Error> {
            self.write(&[prefix, secret.0.as_bytes(), suffix].concat())
        }

        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
            let count = self.unread.len().min(max as usize);
            Ok(self.unread.drain(..count).collect())
        }

        pub(crate) fn read_exact(&mut self, count: u32) -> Result<Vec<u8>, Error> {
            match self.unread.len() >= count as usize {
                true => self.read(count),
                false => Err(ended()),
            }
        }

        pub(crate) fn read_until(&mut self, delimiter: &[u8], max: u32) -> Result<Vec<u8>, Error> {
            let bytes = self.unread.make_contiguous();
            let at = bytes
                .windows(delimiter.len())
                .position(|window| window == delimiter)
                .ok_or_else(ended)?;
            match u32::try_from(at + delimiter.len()) {
                Ok(count) if count <= max => self.read(count),
                _ => Err(Error::Protocol(format!("no delimiter in {max} bytes"))),
            }
        }

        pub(crate) fn start_tls(&mut self, _: &str, _: Option<&str>) -> Result<(), Error> {
            if self.tls {
                return Err(Error::Internal("the connection is in TLS".to_owned()));
            }
            self.tls = true;
            Ok(())
        }

        pub(crate) fn session(&self) -> Option<TlsSession> {
            self.tls.then(|| self.listener.borrow().session.clone())
        }

        pub(crate) fn peer(&self) -> String {
            let addresses = with(|host| host.network.names.get(&self.host).cloned());
            let first = addresses.and_then(|addresses| addresses.into_iter().next());
            first.unwrap_or_else(|| self.host.clone())
        }
    }
}

pub(crate) mod udp {
    //! As the import `udp`.

    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::fmt;
    use std::rc::Rc;

    use super::DatagramAnswer;
    use crate::Error;
    use crate::fake::with;

    pub(crate) struct Socket {
        answer: Rc<RefCell<DatagramAnswer>>,
        unread: VecDeque<Vec<u8>>,
    }

    impl fmt::Debug for Socket {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Socket")
                .field("unread", &self.unread)
                .finish_non_exhaustive()
        }
    }

    pub(crate) fn connect(host: &str, port: u16) -> Result<Socket, Error> {
        let address = format!("{host}:{port}");
        let answer = with(|host| host.network.datagrams.get(&address).cloned());
        let denied = || Error::Denied(format!("udp {address} is not there"));
        Ok(Socket {
            answer: answer.ok_or_else(denied)?,
            unread: VecDeque::new(),
        })
    }

    impl Socket {
        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn send(&mut self, data: &[u8]) -> Result<(), Error> {
            let mut answer = self.answer.borrow_mut();
            self.unread.extend(answer(data));
            Ok(())
        }

        pub(crate) fn receive(&mut self, max: u32) -> Result<Vec<u8>, Error> {
            let mut datagram = self.unread.pop_front().ok_or(Error::Timeout)?;
            datagram.truncate(max as usize);
            Ok(datagram)
        }
    }
}

pub(crate) mod icmp {
    //! As the import `icmp`.

    use crate::Error;
    use crate::fake::with;
    use crate::icmp::Reply;

    pub(crate) fn ping(host: &str, _payload_bytes: u16) -> Result<Reply, Error> {
        let reply = with(|fake| fake.network.echoes.get(host).cloned());
        reply.ok_or(Error::Timeout)
    }
}

pub(crate) mod names {
    //! As the import `names`.

    use crate::Error;
    use crate::fake::with;

    pub(crate) fn resolve(host: &str) -> Result<Vec<String>, Error> {
        let addresses = with(|fake| fake.network.names.get(host).cloned());
        addresses.ok_or_else(|| Error::Unavailable(format!("{host}: no such host")))
    }
}
