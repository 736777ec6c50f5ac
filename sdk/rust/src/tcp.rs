//! TCP connections to granted hosts. One ends with the call that opened it.

use crate::{Error, gate};

/// The longest line that [`Connection::read_line`] takes, in bytes.
pub const LINE_BYTES_MAX: u32 = 64 * 1024;

/// An open connection.
#[derive(Debug)]
pub struct Connection(gate::tcp::Connection);

impl Connection {
    /// Connects; an IPv6 address stands without brackets.
    ///
    /// # Errors
    /// The grant does not cover it, or nobody answers there.
    pub fn open(host: &str, port: u16) -> Result<Self, Error> {
        gate::tcp::connect(host, port, None).map(Self)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        self.0.write(data)
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
}
