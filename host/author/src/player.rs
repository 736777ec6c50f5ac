//! Plays the servers of a fixture: real ones, on loopback ports of their own.
//!
//! They answer as the fixture says, call after call, and complain of what the plugin says that
//! is not in the dialogue and of what it leaves out.
//!
//! It is not: a judge of what the plugin makes of the answers.

mod barrier;
mod http;
mod tcp;
mod udp;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use tempfile::TempDir;
use tokio::task::AbortHandle;

use crate::fixture::{Content, Fixture, FixtureError, Places, ServerKind};
use barrier::Barrier;

/// Files and folders that one fixture puts below `${files}`; more are an error.
pub const FILES_MAX: usize = 10_000;

/// Complaints of one server in one call; further ones are not kept.
const COMPLAINTS_MAX: usize = 16;

/// Bytes of a message that are shown in a complaint.
const SHOWN_BYTES_MAX: usize = 256;

/// The servers of a fixture at work. They end when this is dropped.
#[derive(Debug)]
pub struct Player {
    places: Places,
    servers: Vec<Arc<dyn PlayedServer>>,
    tasks: Vec<AbortHandle>,
    files: TempDir,
}

/// A server that is being played.
#[async_trait::async_trait]
trait PlayedServer: Send + Sync + std::fmt::Debug {
    /// The dialogue begins anew.
    fn begin_call(&self);

    /// What was not as in the dialogue, once everything that the plugin sent has been read.
    async fn end_call(&self) -> Vec<String>;
}

impl Player {
    /// Binds all servers, writes the files, and begins to answer.
    ///
    /// # Errors
    /// A port cannot be had, or a file that the fixture names cannot be read or written.
    #[boxed]
    pub async fn start(fixture: &Fixture) -> Result<Self, FixtureError> {
        let fault = |text: String| FixtureError::new(&fixture.path, text);
        let system = |error: std::io::Error| fault(error.to_string());
        let files = tempfile::Builder::new()
            .prefix("narthex-fixture-")
            .tempdir();
        let files = files.map_err(system)?;
        // Where it really lies: a link on the way would lead out of what is granted.
        let root = files.path().canonicalize().map_err(system)?;
        let mut places = Places {
            files: root.clone(),
            ..Places::default()
        };
        let mut bound = Vec::new();
        for server in &fixture.servers {
            let socket = Socket::bind(&server.kind).await.map_err(system)?;
            let address = socket.address().map_err(system)?;
            places.servers.insert(server.name.clone(), address);
            bound.push((server, socket));
        }
        write_files(fixture, &root, &places).map_err(fault)?;
        let mut player = Self {
            places,
            servers: Vec::new(),
            tasks: Vec::new(),
            files,
        };
        for (server, socket) in bound {
            let filling = Filling {
                folder: fixture.folder(),
                places: &player.places,
                server: &server.name,
            };
            let (played, task) = match (&server.kind, socket) {
                (ServerKind::Http(exchanges), Socket::Tcp(listener)) => {
                    http::start(&filling, exchanges, listener).map_err(fault)?
                }
                (ServerKind::Tcp(exchanges), Socket::Tcp(listener)) => {
                    tcp::start(&filling, exchanges, listener).map_err(fault)?
                }
                (ServerKind::Udp(exchanges), Socket::Udp(socket)) => {
                    udp::start(&filling, exchanges, socket).map_err(fault)?
                }
                _ => continue,
            };
            player.servers.push(played);
            player.tasks.push(task);
        }
        Ok(player)
    }

    /// Where everything is.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The folder with the fixture's files.
    pub fn files(&self) -> &Path {
        &self.places.files
    }

    /// All dialogues begin anew.
    pub fn begin_call(&self) {
        for server in &self.servers {
            server.begin_call();
        }
    }

    /// What was not as in the dialogues since the call began.
    #[boxed]
    pub async fn end_call(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for server in &self.servers {
            complaints.extend(server.end_call().await);
        }
        complaints
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        tracing::trace!(files = %self.files.path().display(), "fixture's servers end");
    }
}

/// A bound socket that nobody answers on yet.
enum Socket {
    Tcp(tokio::net::TcpListener),
    Udp(tokio::net::UdpSocket),
}

impl Socket {
    async fn bind(kind: &ServerKind) -> std::io::Result<Self> {
        const ANY_PORT: &str = "127.0.0.1:0";
        Ok(match kind {
            ServerKind::Udp(_) => Self::Udp(tokio::net::UdpSocket::bind(ANY_PORT).await?),
            ServerKind::Http(_) | ServerKind::Tcp(_) => {
                Self::Tcp(tokio::net::TcpListener::bind(ANY_PORT).await?)
            }
        })
    }

    fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        }
    }
}

/// What the contents of one server's dialogue are filled with.
struct Filling<'a> {
    folder: &'a Path,
    places: &'a Places,
    server: &'a str,
}

impl Filling<'_> {
    fn bytes(&self, content: &Content) -> Result<Vec<u8>, String> {
        content.bytes(self.folder, |text| self.places.fill(text))
    }
}

/// What a server complains of.
#[derive(Debug, Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, server: &str, text: &str) {
        if self.0.len() < COMPLAINTS_MAX {
            self.0.push(format!("server {server}: {text}"));
        }
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0)
    }
}

/// Bytes as they are shown to people: escaped, and not too many.
fn shown(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN_BYTES_MAX) {
        Some(beginning) if bytes.len() > SHOWN_BYTES_MAX => {
            format!(
                "\"{}\"... ({} bytes)",
                beginning.escape_ascii(),
                bytes.len()
            )
        }
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn write_files(fixture: &Fixture, root: &Path, places: &Places) -> Result<(), String> {
    let mut count = 0;
    for (below, content) in &fixture.files {
        let path = root.join(below);
        let fault = |error: std::io::Error| format!("files: {}: {error}", below.display());
        match content {
            Content::Folder(folder) => copy(&fixture.folder().join(folder), &path, &mut count)?,
            content => {
                count += 1;
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(fault)?;
                }
                let bytes = content.bytes(fixture.folder(), |text| places.fill(text))?;
                fs::write(&path, bytes).map_err(fault)?;
            }
        }
    }
    match count <= FILES_MAX {
        true => Ok(()),
        false => Err(format!("more than {FILES_MAX} files")),
    }
}

/// Copies a folder with all below it; symbolic links stay links.
fn copy(from: &Path, to: &Path, count: &mut usize) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(fault)?;
    for entry in fs::read_dir(from).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        *count += 1;
        if *count > FILES_MAX {
            return Err(format!("more than {FILES_MAX} files"));
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(fault)?;
        if kind.is_dir() {
            copy(&source, &target, count)?;
        } else if kind.is_symlink() {
            let leads = fs::read_link(&source).map_err(fault)?;
            std::os::unix::fs::symlink(leads, &target).map_err(fault)?;
        } else {
            fs::copy(&source, &target).map_err(fault)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
