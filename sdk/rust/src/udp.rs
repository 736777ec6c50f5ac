//! Datagrams to and from granted hosts. A socket ends with the call that opened it.

use crate::{Error, gate};

/// A socket that talks with one host and port only.
#[derive(Debug)]
pub struct Socket(gate::udp::Socket);

impl Socket {
    /// Opens one; an IPv6 address stands without brackets.
    ///
    /// # Errors
    /// The grant does not cover it, or the host has no address.
    pub fn connect(host: &str, port: u16) -> Result<Self, Error> {
        gate::udp::connect(host, port).map(Self)
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn send(&mut self, data: &[u8]) -> Result<(), Error> {
        self.0.send(data)
    }

    /// Waits for the next datagram; it is cut off after `max` bytes.
    ///
    /// # Errors
    /// None came in the call's time, or the other side refuses.
    pub fn receive(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        self.0.receive(max)
    }
}
