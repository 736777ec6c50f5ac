//! `narthex:plugin/tcp`.

use std::net::{IpAddr, SocketAddr};

use narthex_http::{TlsClient, TlsConfig, TlsSession, session};
use narthex_registry::Endpoint;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::plugin::tcp;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::capability::Network;
use crate::host::Host;
use crate::imports::reach::unavailable;
use crate::imports::secrets::SecretHandle;
use crate::limits::READ_BYTES_MAX;

/// Bytes both ways, in the clear or in TLS.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub(crate) struct Stream {
    bytes: BufReader<Box<dyn Duplex>>,
    /// The host that was connected to.
    host: String,
    peer: IpAddr,
    session: Option<TlsSession>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

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

fn closed() -> Error {
    Error::Unavailable("the connection was closed by the other side".to_owned())
}

/// Waits no longer than that, so that the guest can still say what it waited for.
async fn patient<T>(
    until: Instant,
    wait: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout_at(until, wait).await.unwrap_or(Err(Error::Timeout))
}

impl Host {
    async fn open(&mut self, endpoint: &Endpoint, tls: Option<&str>) -> Result<Stream, Error> {
        self.check_profile(tls)?;
        // The addresses that were checked are the ones that are used: no second look-up.
        let addresses = self.reach(Network::Tcp, endpoint).await?;
        let what = format!("connect {endpoint}");
        let mut last = Error::Unavailable(format!("{what}: the name has no address"));
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(address, endpoint.port)).await {
                Ok(stream) => {
                    let stream = Stream {
                        bytes: BufReader::new(Box::new(stream)),
                        host: endpoint.host.clone(),
                        peer: address,
                        session: None,
                    };
                    return match tls {
                        Some(profile) => self.secure(stream, profile, None).await,
                        None => Ok(stream),
                    };
                }
                Err(error) => last = unavailable(&what, &error),
            }
        }
        Err(last)
    }

    fn check_profile(&mut self, profile: Option<&str>) -> Result<(), Error> {
        let granted = self.capabilities.tls(profile.unwrap_or_default());
        granted.map_err(|denied| self.refuse(denied))
    }

    /// Goes on in TLS. A failure ends the connection.
    async fn secure(
        &mut self,
        stream: Stream,
        profile: &str,
        server_name: Option<&str>,
    ) -> Result<Stream, Error> {
        // What was sent in the clear must not count as what is protected.
        if !stream.bytes.buffer().is_empty() {
            let text = "the other side sent more before TLS began";
            return Err(Error::Protocol(text.to_owned()));
        }
        let name = server_name.unwrap_or(&stream.host).to_owned();
        let client = match self.lent.tls() {
            Some(config) if profile.is_empty() => lent_tls(config.clone()).await?,
            _ => self.outside.vault.load_full().tls(profile).await?,
        };
        let connected = client.connect(stream.bytes.into_inner(), &name).await;
        let secured = connected.map_err(|text| Error::Unavailable(format!("{name}: {text}")))?;
        Ok(Stream {
            session: Some(session(&secured)),
            bytes: BufReader::new(Box::new(secured)),
            host: stream.host,
            peer: stream.peer,
        })
    }

    /// The place of a connection of this call.
    fn place(
        &mut self,
        handle: &Resource<Connection>,
    ) -> Result<Result<&mut Option<Stream>, Error>> {
        let connection = *self.table().get(handle)?;
        if connection.call != self.call.number {
            let text = "the connection ended with the call that opened it";
            return Ok(Err(Error::Unavailable(text.to_owned())));
        }
        let place = self.call.streams.get_mut(connection.index);
        Ok(place.ok_or_else(closed))
    }

    fn stream(&mut self, handle: &Resource<Connection>) -> Result<Result<&mut Stream, Error>> {
        let place = self.place(handle)?;
        Ok(place.and_then(|place| place.as_mut().ok_or_else(closed)))
    }

    async fn write_all(
        &mut self,
        handle: &Resource<Connection>,
        data: &[u8],
    ) -> Result<Result<(), Error>> {
        let patience = self.patience();
        let stream = match self.stream(handle)? {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let write = async {
            let written = match stream.bytes.write_all(data).await {
                // TLS keeps what does not fill a record.
                Ok(()) => stream.bytes.flush().await,
                error => error,
            };
            written.map_err(|error| unavailable("write", &error))
        };
        Ok(patient(patience, write).await)
    }

    /// Counts what was read.
    fn taken(&mut self, read: Result<Vec<u8>, Error>) -> Result<Vec<u8>, Error> {
        let bytes = read?;
        self.spend_bytes(bytes.len())?;
        Ok(bytes)
    }
}

impl tcp::Host for Host {
    async fn connect(
        &mut self,
        host: String,
        port: u16,
        tls: Option<String>,
    ) -> Result<Result<Resource<Connection>, Error>> {
        self.enter(Interface::Tcp)?;
        let (patience, endpoint) = (self.patience(), Endpoint { host, port });
        let opened = patient(patience, self.open(&endpoint, tls.as_deref())).await;
        let stream = match opened {
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
        self.enter(Interface::Tcp)?;
        self.write_all(&handle, &data).await
    }

    async fn write_secret(
        &mut self,
        handle: Resource<Connection>,
        prefix: Vec<u8>,
        secret: Resource<SecretHandle>,
        suffix: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        self.enter(Interface::Tcp)?;
        let secret = match self.secret(&secret).await? {
            Ok(secret) => secret,
            Err(error) => return Ok(Err(error)),
        };
        let data = [&prefix, secret.expose().as_bytes(), &suffix].concat();
        self.write_all(&handle, &data).await
    }

    async fn read(
        &mut self,
        handle: Resource<Connection>,
        max: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        self.enter(Interface::Tcp)?;
        let patience = self.patience();
        let read = match self.stream(&handle)? {
            Ok(stream) => patient(patience, read(&mut stream.bytes, max)).await,
            Err(error) => Err(error),
        };
        Ok(self.taken(read))
    }

    async fn read_until(
        &mut self,
        handle: Resource<Connection>,
        delimiter: Vec<u8>,
        max: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        self.enter(Interface::Tcp)?;
        let patience = self.patience();
        let read = match self.stream(&handle)? {
            Ok(stream) => patient(patience, read_until(&mut stream.bytes, &delimiter, max)).await,
            Err(error) => Err(error),
        };
        Ok(self.taken(read))
    }

    async fn read_exact(
        &mut self,
        handle: Resource<Connection>,
        count: u32,
    ) -> Result<Result<Vec<u8>, Error>> {
        self.enter(Interface::Tcp)?;
        let patience = self.patience();
        let read = match self.stream(&handle)? {
            Ok(stream) => patient(patience, read_exact(&mut stream.bytes, count)).await,
            Err(error) => Err(error),
        };
        Ok(self.taken(read))
    }

    async fn start_tls(
        &mut self,
        handle: Resource<Connection>,
        profile: String,
        server_name: Option<String>,
    ) -> Result<Result<(), Error>> {
        self.enter(Interface::Tcp)?;
        if let Err(error) = self.check_profile(Some(&profile)) {
            return Ok(Err(error));
        }
        let taken = self.place(&handle)?;
        let stream = match taken.and_then(|place| place.take().ok_or_else(closed)) {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        if stream.session.is_some() {
            let text = "the connection is in TLS already";
            return Ok(Err(Error::Internal(text.to_owned())));
        }
        let patience = self.patience();
        let secure = self.secure(stream, &profile, server_name.as_deref());
        let secured = patient(patience, secure).await;
        let stream = match secured {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.place(&handle)?.map(|place| *place = Some(stream)))
    }

    async fn session(&mut self, handle: Resource<Connection>) -> Result<Option<tcp::TlsSession>> {
        self.enter(Interface::Tcp)?;
        let stream = self.stream(&handle)?.ok();
        let session = stream.and_then(|stream| stream.session.clone());
        Ok(session.map(|session| tcp::TlsSession {
            version: session.version,
            cipher: session.cipher,
            certificates: session.certificates,
        }))
    }

    async fn peer(&mut self, handle: Resource<Connection>) -> Result<String> {
        self.enter(Interface::Tcp)?;
        let stream = self.stream(&handle)?.ok();
        Ok(stream
            .map(|stream| stream.peer.to_string())
            .unwrap_or_default())
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

/// TLS as the configuration's entry has it. Its files are read now: there are few connections,
/// and a certificate may be a new one.
async fn lent_tls(config: TlsConfig) -> Result<TlsClient, Error> {
    let fault = |text: String| Error::Config(format!("tls_config: {text}"));
    match tokio::task::spawn_blocking(move || TlsClient::new(&config)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(fault(error.to_string())),
        Err(_) => Err(fault("it cannot be set up".to_owned())),
    }
}

type Bytes = BufReader<Box<dyn Duplex>>;

fn check_size(size: u32) -> Result<(), Error> {
    match size {
        0 => Err(Error::Internal("a read of no bytes".to_owned())),
        _ if size > READ_BYTES_MAX => Err(Error::Internal(format!(
            "a read of {size} bytes; at most {READ_BYTES_MAX} at once"
        ))),
        _ => Ok(()),
    }
}

async fn read(stream: &mut Bytes, max: u32) -> Result<Vec<u8>, Error> {
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

async fn read_exact(stream: &mut Bytes, count: u32) -> Result<Vec<u8>, Error> {
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

async fn read_until(stream: &mut Bytes, delimiter: &[u8], max: u32) -> Result<Vec<u8>, Error> {
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
