//! `narthex:plugin/udp`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use narthex_registry::Endpoint;
use tokio::net::UdpSocket;
use tokio::time::timeout_at;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::plugin::types::Error;
use crate::bindings::plugin::udp;
use crate::budget::{Interface, Spend};
use crate::capability::Network;
use crate::host::Host;
use crate::imports::reach::unavailable;

/// The longest datagram there is.
const DATAGRAM_BYTES_MAX: u32 = 65_535;

/// What a guest's handle stands for: the socket itself belongs to the call.
#[derive(Debug, Clone, Copy)]
#[expect(
    unreachable_pub,
    reason = "the generated code names it as a public type"
)]
pub struct Socket {
    call: u64,
    index: usize,
}

impl Host {
    async fn open_socket(&mut self, endpoint: &Endpoint) -> Result<UdpSocket, Error> {
        // The addresses that were checked are the ones that are used: no second look-up.
        let addresses = self.reach(Network::Udp, endpoint).await?;
        let what = format!("connect {endpoint}");
        let mut last = Error::Unavailable(format!("{what}: the name has no address"));
        for address in addresses {
            match connected(SocketAddr::new(address, endpoint.port)).await {
                Ok(socket) => return Ok(socket),
                Err(error) => last = unavailable(&what, &error),
            }
        }
        Err(last)
    }

    fn socket(&mut self, handle: &Resource<Socket>) -> Result<Result<&mut UdpSocket, Error>> {
        let socket = *self.table().get(handle)?;
        let ended = || {
            let text = "the socket ended with the call that opened it";
            Error::Unavailable(text.to_owned())
        };
        if socket.call != self.call.number {
            return Ok(Err(ended()));
        }
        let place = self.call.sockets.get_mut(socket.index);
        Ok(place.and_then(Option::as_mut).ok_or_else(ended))
    }
}

async fn connected(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr = match address.ip() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(address).await?;
    Ok(socket)
}

impl udp::Host for Host {
    async fn connect(
        &mut self,
        host: String,
        port: u16,
    ) -> Result<Result<Resource<Socket>, Error>> {
        self.enter(Interface::Udp)?;
        let socket = match self.open_socket(&Endpoint { host, port }).await {
            Ok(socket) => socket,
            Err(error) => return Ok(Err(error)),
        };
        let handle = Socket {
            call: self.call.number,
            index: self.call.sockets.len(),
        };
        self.call.sockets.push(Some(socket));
        Ok(Ok(self.table().push(handle)?))
    }
}

impl udp::HostSocket for Host {
    async fn send(&mut self, handle: Resource<Socket>, data: Vec<u8>) -> Result<Result<(), Error>> {
        self.enter(Interface::Udp)?;
        if let Err(error) = self.spend(Spend::Datagram) {
            return Ok(Err(error));
        }
        let sent = match self.socket(&handle)? {
            Ok(socket) => socket.send(&data).await,
            Err(error) => return Ok(Err(error)),
        };
        Ok(match sent {
            Ok(_) => Ok(()),
            Err(error) => Err(unavailable("send", &error)),
        })
    }

    async fn receive(
        &mut self,
        handle: Resource<Socket>,
        max: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        self.enter(Interface::Udp)?;
        let patience = self.patience();
        let mut bytes = vec![0; max.min(DATAGRAM_BYTES_MAX) as usize];
        let received = match self.socket(&handle)? {
            Ok(socket) => timeout_at(patience, socket.recv(&mut bytes)).await,
            Err(error) => return Ok(Err(error)),
        };
        let count = match received {
            Ok(Ok(count)) => count,
            Ok(Err(error)) => return Ok(Err(unavailable("receive", &error))),
            Err(_) => return Ok(Err(Error::Timeout)),
        };
        bytes.truncate(count);
        Ok(self.spend_bytes(count).map(|()| bytes))
    }

    async fn drop(&mut self, handle: Resource<Socket>) -> Result<()> {
        let socket = self.table().delete(handle)?;
        if socket.call == self.call.number
            && let Some(place) = self.call.sockets.get_mut(socket.index)
        {
            *place = None;
        }
        Ok(())
    }
}
