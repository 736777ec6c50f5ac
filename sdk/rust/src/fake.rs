//! A host for unit tests: the files, answers and dialogues it was given, and nothing else.
//!
//! Outside of WebAssembly every host interface of this crate leads to the fake host that the
//! running thread has installed, and to a denial where there is none.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a plugin under test finds outside.
#[derive(Debug, Default)]
pub struct Host {
    now_ms: u64,
    files: BTreeMap<String, Vec<u8>>,
    responses: BTreeMap<String, (u16, Vec<u8>)>,
    dialogues: BTreeMap<String, Vec<u8>>,
    written: Vec<u8>,
    logged: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

impl Host {
    /// A host without anything, at the Unix epoch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the wall clock.
    #[must_use]
    pub fn at(mut self, now_ms: u64) -> Self {
        self.now_ms = now_ms;
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), content.into());
        self
    }

    /// Answers requests to a URL.
    #[must_use]
    pub fn response(mut self, url: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        self.responses.insert(url.to_owned(), (status, body.into()));
        self
    }

    /// Lets connections to `host:port` read these bytes, whatever they write.
    #[must_use]
    pub fn dialogue(mut self, address: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.dialogues.insert(address.to_owned(), bytes.into());
        self
    }

    /// Makes it the host of the running thread, in place of the one before.
    pub fn install(self) {
        HOST.with(|host| *host.borrow_mut() = self);
    }

    /// What the plugin wrote to connections of the running thread's host, in order.
    pub fn written() -> Vec<u8> {
        HOST.with(|host| host.borrow().written.clone())
    }

    /// The lines the plugin logged.
    pub fn logged() -> Vec<String> {
        HOST.with(|host| host.borrow().logged.clone())
    }
}

pub(crate) mod clock {
    //! As the import `clock`.

    pub(crate) fn now() -> u64 {
        super::HOST.with(|host| host.borrow().now_ms)
    }

    pub(crate) fn monotonic() -> u64 {
        now() * 1_000_000
    }

    pub(crate) fn remaining() -> u32 {
        10_000
    }
}

pub(crate) mod log {
    //! As the import `log`.

    use crate::bindings::narthex::plugin::log::Level;

    pub(crate) fn log(level: Level, message: &str, fields: &[(String, String)]) {
        let line = format!("{level:?} {message} {fields:?}");
        super::HOST.with(|host| host.borrow_mut().logged.push(line));
    }
}

pub(crate) mod files {
    //! As the import `files`.

    use crate::Error;

    pub(crate) fn read(path: &str) -> Result<Vec<u8>, Error> {
        super::HOST.with(|host| {
            let host = host.borrow();
            let content = host.files.get(path).cloned();
            content.ok_or_else(|| Error::Unavailable(format!("{path}: no such file")))
        })
    }
}

pub(crate) mod http {
    //! As the import `http`.

    use crate::Error;
    use crate::http::{Request, Response, Stored};

    pub(crate) fn send(request: &Request<'_>) -> Result<Response, Error> {
        super::HOST.with(|host| {
            let host = host.borrow();
            let (status, body) = host
                .responses
                .get(&request.url)
                .ok_or_else(|| Error::Denied(format!("{} is not there", request.url)))?;
            Ok(Response {
                status: *status,
                headers: Vec::new(),
                body: body.clone(),
            })
        })
    }

    pub(crate) fn fetch(request: &Request<'_>) -> Result<Stored, Error> {
        let response = send(request)?;
        Ok(Stored {
            status: response.status,
            content_type: "text/plain".to_owned(),
            length: response.body.len() as u64,
            handle: 1,
        })
    }
}

pub(crate) mod tcp {
    //! As the import `tcp`.

    use std::collections::VecDeque;

    use crate::Error;

    #[derive(Debug)]
    pub(crate) struct Connection(VecDeque<u8>);

    pub(crate) fn connect(host: &str, port: u16, _: Option<&str>) -> Result<Connection, Error> {
        let address = format!("{host}:{port}");
        super::HOST.with(|host| {
            let bytes = host.borrow().dialogues.get(&address).cloned();
            let refused = || Error::Unavailable(format!("{address}: connection refused"));
            bytes
                .map(|bytes| Connection(bytes.into()))
                .ok_or_else(refused)
        })
    }

    fn ended() -> Error {
        Error::Unavailable("the connection was closed".to_owned())
    }

    impl Connection {
        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Error> {
            super::HOST.with(|host| host.borrow_mut().written.extend_from_slice(data));
            Ok(())
        }

        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
            let count = self.0.len().min(max as usize);
            Ok(self.0.drain(..count).collect())
        }

        pub(crate) fn read_exact(&mut self, count: u32) -> Result<Vec<u8>, Error> {
            match self.0.len() >= count as usize {
                true => self.read(count),
                false => Err(ended()),
            }
        }

        pub(crate) fn read_until(&mut self, delimiter: &[u8], max: u32) -> Result<Vec<u8>, Error> {
            let bytes = self.0.make_contiguous();
            let at = bytes
                .windows(delimiter.len())
                .position(|window| window == delimiter)
                .ok_or_else(ended)?;
            match u32::try_from(at + delimiter.len()) {
                Ok(count) if count <= max => self.read(count),
                _ => Err(Error::Protocol(format!("no delimiter in {max} bytes"))),
            }
        }
    }
}
