//! A host for unit tests: the files, answers and dialogues it was given, and nothing else.
//!
//! Outside of WebAssembly every host interface of this crate leads to the fake host that the
//! running thread has installed, and to a denial where there is none.
//!
//! ```
//! use narthex_sdk::fake::Host;
//! use narthex_sdk::{files, http};
//!
//! Host::new()
//!     .file("/proc/uptime", "3.5 1.0\n")
//!     .response("http://api/health", 200, "ok")
//!     .install();
//! assert_eq!(files::read_text("/proc/uptime").unwrap(), "3.5 1.0\n");
//! assert_eq!(http::send(&http::get("http://api/health")).unwrap().status, 200);
//! assert_eq!(Host::requests()[0].url, "http://api/health");
//! ```
//!
//! It is not: a check of what the manifest asks for; the tests of the real host do that.

mod cluster;
mod network;
mod storage;
mod templates;
mod web;

use std::cell::RefCell;

use crate::Error;
use crate::bindings::narthex::plugin::kubernetes::Change;
use crate::clock::Timex;
use crate::files::Capacity;
use crate::http::Response;
use crate::icmp::Reply;
use crate::tcp::TlsSession;

pub(crate) use cluster::{kubernetes, refreshing};
pub(crate) use network::{icmp, names, tcp, udp};
pub(crate) use storage::{files, secrets, state};
pub(crate) use templates::texts;
pub use web::Sent;
pub(crate) use web::http;

/// What a plugin under test finds outside.
#[derive(Debug, Default)]
pub struct Host {
    now_ms: u64,
    timex: Option<Timex>,
    storage: storage::Storage,
    web: web::Web,
    network: network::Network,
    cluster: cluster::Cluster,
    templates: templates::Templates,
    has_more: bool,
    looked_up: (u32, u32),
    logged: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

/// Looks at the running thread's host.
fn with<T>(look: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with(|host| look(&mut host.borrow_mut()))
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

    /// Lets the kernel tell how it disciplines the clock.
    #[must_use]
    pub fn timex(mut self, timex: Timex) -> Self {
        self.timex = Some(timex);
        self
    }

    /// Adds a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, text: &str) -> Self {
        let secret = (name.to_owned(), text.to_owned());
        self.storage.secrets.extend([secret]);
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let file = (path.to_owned(), content.into());
        self.storage.files.extend([file]);
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        let link = (path.to_owned(), target.to_owned());
        self.storage.links.extend([link]);
        self
    }

    /// Adds a file system that is mounted at a path.
    #[must_use]
    pub fn file_system(mut self, path: &str, capacity: Capacity) -> Self {
        let mounted = (path.to_owned(), capacity);
        self.storage.file_systems.extend([mounted]);
        self
    }

    /// Puts a blob under a key of the plugin's state.
    #[must_use]
    pub fn state(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        let blob = (key.to_owned(), value.into());
        self.storage.state.extend([blob]);
        self
    }

    /// Answers requests to a URL.
    #[must_use]
    pub fn response(self, url: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        let response = Response {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        self.respond(url, response)
    }

    /// Answers requests to a URL, with headers.
    #[must_use]
    pub fn respond(mut self, url: &str, response: Response) -> Self {
        self.web.responses.extend([(url.to_owned(), response)]);
        self
    }

    /// Lets connections to `host:port` read these bytes, whatever they write.
    #[must_use]
    pub fn dialogue(mut self, address: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.network.listen(address).greeting = bytes.into();
        self
    }

    /// Lets connections to `host:port` read what this function makes of each of their writes, one
    /// after the other.
    #[must_use]
    pub fn answers(
        mut self,
        address: &str,
        answer: impl FnMut(&[u8]) -> Vec<u8> + 'static,
    ) -> Self {
        self.network.listen(address).answer = Some(Box::new(answer));
        self
    }

    /// Sets what TLS connections to `host:port` agree on.
    #[must_use]
    pub fn session(mut self, address: &str, session: TlsSession) -> Self {
        self.network.listen(address).session = session;
        self
    }

    /// Answers each datagram to `host:port` with what this function makes of it.
    #[must_use]
    pub fn datagrams(
        mut self,
        address: &str,
        answer: impl FnMut(&[u8]) -> Option<Vec<u8>> + 'static,
    ) -> Self {
        self.network.datagrams(address, Box::new(answer));
        self
    }

    /// Answers echo requests to a host.
    #[must_use]
    pub fn echo(mut self, host: &str, reply: Reply) -> Self {
        self.network.echoes.extend([(host.to_owned(), reply)]);
        self
    }

    /// Adds a name's addresses.
    #[must_use]
    pub fn name(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|&address| address.to_owned());
        let name = (name.to_owned(), addresses.collect());
        self.network.names.extend([name]);
        self
    }

    /// Adds an event to the watches of a kind, which is granted then.
    #[must_use]
    pub fn event(mut self, api_version: &str, kind: &str, change: Change, object: &str) -> Self {
        self.cluster.push(api_version, kind, change, object);
        self
    }

    /// Expands texts by this function, which is told whether the text is HTML.
    #[must_use]
    pub fn texts(mut self, expand: impl Fn(&str, bool) -> Result<String, Error> + 'static) -> Self {
        self.templates.expand_by(expand);
        self
    }

    /// Makes it the host of the running thread, in place of the one before.
    pub fn install(self) {
        with(|host| *host = self);
    }

    /// Moves the wall clock of the running thread's host.
    pub fn advance(milliseconds: u64) {
        with(|host| host.now_ms += milliseconds);
    }

    /// Adds an event to the watches of the running thread's host.
    pub fn happen(api_version: &str, kind: &str, change: Change, object: &str) {
        with(|host| host.cluster.push(api_version, kind, change, object));
    }

    /// Whether the plugin has said, since this was asked last, that there is more to come.
    pub fn has_more() -> bool {
        with(|host| std::mem::take(&mut host.has_more))
    }

    /// How much the plugin has said, since this was asked last, that it looked up, and how much of that
    /// in vain.
    pub fn looked_up() -> (u32, u32) {
        with(|host| std::mem::take(&mut host.looked_up))
    }

    /// What the plugin wrote to connections of the running thread's host, in order.
    pub fn written() -> Vec<u8> {
        with(|host| host.network.written.clone())
    }

    /// The requests it sent, in order.
    pub fn requests() -> Vec<Sent> {
        with(|host| host.web.sent.clone())
    }

    /// The body of a response that stayed with the host.
    pub fn stored(handle: u64) -> Option<Vec<u8>> {
        with(|host| host.web.stored(handle))
    }

    /// The lines the plugin logged.
    pub fn logged() -> Vec<String> {
        with(|host| host.logged.clone())
    }
}

pub(crate) mod clock {
    //! As the import `clock`.

    use crate::Error;
    use crate::clock::Timex;

    pub(crate) fn now() -> u64 {
        super::with(|host| host.now_ms)
    }

    pub(crate) fn monotonic() -> u64 {
        now() * 1_000_000
    }

    pub(crate) fn remaining() -> u32 {
        10_000
    }

    pub(crate) fn discipline() -> Result<Timex, Error> {
        let missing = || Error::Unavailable("adjtimex: not supported".to_owned());
        super::with(|host| host.timex).ok_or_else(missing)
    }
}

pub(crate) mod log {
    //! As the import `log`.

    use crate::bindings::narthex::plugin::log::Level;

    pub(crate) fn log(level: Level, message: &str, fields: &[(String, String)]) {
        let line = format!("{level:?} {message} {fields:?}");
        super::with(|host| host.logged.push(line));
    }
}

#[cfg(test)]
mod tests;
