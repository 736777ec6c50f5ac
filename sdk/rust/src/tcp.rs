//! TCP connections to granted hosts, in the clear or in TLS. One ends with the call that opened
//! it.

use crate::bindings::narthex::plugin::tcp as wit;
use crate::secrets::Secret;
use crate::{Error, gate};

/// What was agreed with the other side of a TLS connection.
pub use wit::TlsSession;

/// The longest line that [`Connection::read_line`] takes, in bytes.
pub const LINE_BYTES_MAX: u32 = 64 * 1024;

/// The name of the TLS profile that everybody has: the system's authorities and no client
/// certificate.
pub const SYSTEM_PROFILE: &str = "";

/// An open connection.
#[derive(Debug)]
pub struct Connection(gate::tcp::Connection);

impl Connection {
    /// Connects; an IPv6 address stands without brackets.
    ///
    /// # Errors
    /// The grant does not cover it, or nobody answers there.
    pub fn open(host: &str, port: u16) -> Result<Self, Error> {
        Self::open_with(host, port, None)
    }

    /// Connects in TLS, with a profile of the operator's configuration.
    ///
    /// # Errors
    /// As [`Self::open`]; there is no such profile, or the two sides do not agree.
    pub fn open_tls(host: &str, port: u16, profile: &str) -> Result<Self, Error> {
        Self::open_with(host, port, Some(profile))
    }

    /// Connects, in TLS where there is a profile.
    ///
    /// # Errors
    /// As [`Self::open_tls`].
    pub fn open_with(host: &str, port: u16, profile: Option<&str>) -> Result<Self, Error> {
        gate::tcp::connect(host, port, profile).map(Self)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        self.0.write(data)
    }

    /// Writes a secret between two texts.
    ///
    /// # Errors
    /// The connection is gone, or the host cannot read the secret.
    pub fn write_secret(
        &mut self,
        prefix: &[u8],
        secret: &Secret,
        suffix: &[u8],
    ) -> Result<(), Error> {
        self.0.write_secret(prefix, &secret.0, suffix)
    }

    /// Reads a line, without its CR LF.
    ///
    /// # Errors
    /// The connection is gone, or the line is longer than [`LINE_BYTES_MAX`].
    pub fn read_line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = self.0.read_until(b"\r\n", LINE_BYTES_MAX)?;
        line.truncate(line.len().saturating_sub(2));
        Ok(line)
    }

    /// Reads up to and with the delimiter.
    ///
    /// # Errors
    /// The connection is gone, or there is no delimiter in `max` bytes.
    pub fn read_until(&mut self, delimiter: &[u8], max: u32) -> Result<Vec<u8>, Error> {
        self.0.read_until(delimiter, max)
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    /// The connection ended before.
    pub fn read_exact(&mut self, count: u32) -> Result<Vec<u8>, Error> {
        self.0.read_exact(count)
    }

    /// Reads what is there, up to `max` bytes; empty at the end of the stream.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        self.0.read(max)
    }

    /// Goes on in TLS, for protocols that begin without. Without a server's name it is the host
    /// that was connected to.
    ///
    /// # Errors
    /// There is no such profile, or the two sides do not agree.
    pub fn start_tls(&mut self, profile: &str, server_name: Option<&str>) -> Result<(), Error> {
        self.0.start_tls(profile, server_name)
    }

    /// What was agreed with the other side; none as long as the connection is in the clear.
    pub fn session(&self) -> Option<TlsSession> {
        self.0.session()
    }

    /// The address at the other end, without its port.
    pub fn peer(&self) -> String {
        self.0.peer()
    }
}
