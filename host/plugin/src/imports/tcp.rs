//! `narthex:plugin/tcp`.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::narthex::plugin::tcp;
use crate::bindings::narthex::plugin::types::Error;
use crate::capability::Network;
use crate::host::Host;
use crate::limits::{CONNECTIONS_MAX, READ_BYTES_MAX};
use narthex_registry::Endpoint;

/// An open connection.
pub(crate) type Stream = BufReader<TcpStream>;

/// What a guest's handle stands for: the connection itself belongs to the call.
#[derive(Debug, Clone, Copy)]
#[expect(
    unreachable_pub,
    reason = "the generated code names it as a public type"
)]
pub struct Connection {
    call: u64,
    index: usize,
}

/// What the guest is told of a system's error.
fn unavailable(what: &str, error: &io::Error) -> Error {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    Error::Unavailable(format!("{what}: {}", text.to_lowercase()))
}

fn closed() -> Error {
    Error::Unavailable("the connection was closed by the other side".to_owned())
}

impl Host {
    async fn open(&mut self, endpoint: &Endpoint) -> Result<Stream, Error> {
        let capabilities = self.capabilities.clone();
        capabilities
            .endpoint(Network::Tcp, endpoint, self.call.target.as_ref())
            .map_err(|denied| self.refuse(denied))?;
        if self.call.streams.iter().flatten().count() >= CONNECTIONS_MAX {
            let text = format!("more than {CONNECTIONS_MAX} connections in one call");
            return Err(Error::Unavailable(text));
        }
        let what = format!("connect {endpoint}");
        let found = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| unavailable(&what, &error))?.collect();
        let mut last = Error::Unavailable(format!("{what}: the name has no address"));
        for address in addresses {
            // The address that is checked is the one that is used: no second look-up.
            if let Err(denied) = capabilities.address(Network::Tcp, address.ip()) {
                last = self.refuse(denied);
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(BufReader::new(stream)),
                Err(error) => last = unavailable(&what, &error),
            }
        }
        Err(last)
    }

    fn stream(&mut self, handle: &Resource<Connection>) -> Result<Result<&mut Stream, Error>> {
        let connection = *self.table().get(handle)?;
        if connection.call != self.call.number {
            let text = "the connection ended with the call that opened it";
            return Ok(Err(Error::Unavailable(text.to_owned())));
        }
        let stream = self.call.streams.get_mut(connection.index);
        Ok(stream.and_then(Option::as_mut).ok_or_else(closed))
    }
}

impl tcp::Host for Host {
    async fn connect(
        &mut self,
        host: String,
        port: u16,
    ) -> Result<Result<Resource<Connection>, Error>> {
        let stream = match self.open(&Endpoint { host, port }).await {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let connection = Connection {
            call: self.call.number,
            index: self.call.streams.len(),
        };
        self.call.streams.push(Some(stream));
        Ok(Ok(self.table().push(connection)?))
    }
}

impl tcp::HostConnection for Host {
    async fn write(
        &mut self,
        handle: Resource<Connection>,
        data: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        let stream = match self.stream(&handle)? {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let written = stream.write_all(&data).await;
        Ok(written.map_err(|error| unavailable("write", &error)))
    }

    async fn read(
        &mut self,
        handle: Resource<Connection>,
        max: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        let stream = match self.stream(&handle)? {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        Ok(read(stream, max).await)
    }

    async fn read_until(
        &mut self,
        handle: Resource<Connection>,
        delimiter: Vec<u8>,
        max: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        let stream = match self.stream(&handle)? {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        Ok(read_until(stream, &delimiter, max).await)
    }

    async fn read_exact(
        &mut self,
        handle: Resource<Connection>,
        count: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        let stream = match self.stream(&handle)? {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        Ok(read_exact(stream, count).await)
    }

    async fn drop(&mut self, handle: Resource<Connection>) -> Result<()> {
        let connection = self.table().delete(handle)?;
        if connection.call == self.call.number
            && let Some(stream) = self.call.streams.get_mut(connection.index)
        {
            *stream = None;
        }
        Ok(())
    }
}

fn check_size(size: u32) -> Result<(), Error> {
    match size {
        0 => Err(Error::Internal("a read of no bytes".to_owned())),
        _ if size > READ_BYTES_MAX => Err(Error::Internal(format!(
            "a read of {size} bytes; at most {READ_BYTES_MAX} at once"
        ))),
        _ => Ok(()),
    }
}

async fn read(stream: &mut Stream, max: u32) -> Result<Vec<u8>, Error> {
    check_size(max)?;
    let mut bytes = Vec::new();
    // What arrived is what is read: the buffer does not grow to what was asked for.
    let available = tokio::io::AsyncBufReadExt::fill_buf(stream).await;
    let available = available.map_err(|error| unavailable("read", &error))?;
    let count = available.len().min(max as usize);
    bytes.extend_from_slice(&available[..count]);
    tokio::io::AsyncBufReadExt::consume(stream, count);
    Ok(bytes)
}

async fn read_exact(stream: &mut Stream, count: u32) -> Result<Vec<u8>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    check_size(count)?;
    let mut bytes = Vec::new();
    let read = stream.take(count.into()).read_to_end(&mut bytes).await;
    read.map_err(|error| unavailable("read", &error))?;
    match bytes.len() == count as usize {
        true => Ok(bytes),
        false => Err(closed()),
    }
}

async fn read_until(stream: &mut Stream, delimiter: &[u8], max: u32) -> Result<Vec<u8>, Error> {
    check_size(max)?;
    let Some(last) = delimiter.last() else {
        return Err(Error::Internal("a delimiter of no bytes".to_owned()));
    };
    let mut bytes = Vec::new();
    loop {
        let room = u64::from(max).saturating_sub(bytes.len() as u64);
        let mut bounded = (&mut *stream).take(room);
        let read = tokio::io::AsyncBufReadExt::read_until(&mut bounded, *last, &mut bytes).await;
        let count = read.map_err(|error| unavailable("read", &error))?;
        if bytes.ends_with(delimiter) {
            return Ok(bytes);
        }
        if bytes.len() as u64 >= max.into() {
            let text = format!("no end of the line in {max} bytes");
            return Err(Error::Protocol(text));
        }
        if count == 0 {
            return Err(closed());
        }
    }
}
