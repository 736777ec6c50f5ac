//! What a guest does step by step with the host's interfaces, as a test has written it down.

use narthex_sdk::{Error, Target, clock, files, http, icmp, log, names, secrets, state, tcp, udp};
use narthex_sdk::{host_and_port, kubernetes};
use serde::Deserialize;

/// One thing to do.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Connects, writes a line (or a secret), reads one.
    Tcp {
        /// Where to; the target where it is left out.
        #[serde(default)]
        address: Option<String>,
        /// The profile to begin with.
        #[serde(default)]
        tls: Option<String>,
        /// The profile to go on with after a first line.
        #[serde(default)]
        start_tls: Option<String>,
        /// The secret in the line.
        #[serde(default)]
        secret: Option<String>,
    },
    /// Connects and does nothing; the connection stays open if it is told so.
    Connect {
        /// Where to.
        address: String,
        /// Whether it stays.
        #[serde(default)]
        hold: bool,
    },
    /// Sends a request; the answer's body.
    Http {
        /// Where to.
        url: String,
        /// The method; GET where it is left out.
        #[serde(default)]
        method: Option<String>,
        /// A plain header.
        #[serde(default)]
        header: Option<(String, String)>,
        /// The secret for `Bearer`.
        #[serde(default)]
        bearer: Option<String>,
        /// A user's name and the secret for `Basic`.
        #[serde(default)]
        basic: Option<(String, String)>,
        /// The profile.
        #[serde(default)]
        tls: Option<String>,
    },
    /// Sends a datagram and waits for one, unless it is told not to.
    Udp {
        /// Where to.
        address: String,
        /// Whether nothing is waited for.
        #[serde(default)]
        deaf: bool,
        /// How many are sent.
        #[serde(default)]
        more: u32,
    },
    /// Sends an echo request.
    Ping {
        /// Where to.
        host: String,
        /// Bytes in it.
        #[serde(default)]
        bytes: u16,
    },
    /// Asks for the addresses of a name.
    Resolve {
        /// Which.
        host: String,
    },
    /// Reads a file; its length.
    Read {
        /// Which.
        path: String,
    },
    /// The names in a folder.
    Entries {
        /// Which.
        path: String,
    },
    /// Where a link leads.
    Link {
        /// Which.
        path: String,
    },
    /// Whether there is room.
    Room {
        /// Where.
        path: String,
    },
    /// Takes a secret and does not look at it.
    Secret {
        /// Which.
        name: String,
    },
    /// Looks at a secret.
    Reveal {
        /// Which.
        name: String,
    },
    /// Reads a blob.
    Get {
        /// Its key.
        key: String,
    },
    /// Writes a blob. `{n}` in the key is the number of the repetition.
    Set {
        /// Its key.
        key: String,
        /// What.
        value: String,
    },
    /// Opens a watch.
    Watch {
        /// As in an object.
        api_version: String,
        /// As in an object.
        kind: String,
    },
    /// Asks for the time.
    Clock,
    /// Whether the clock is synchronized, and its tick.
    Discipline,
    /// Logs a line.
    Log,
    /// Does something again and again, until it fails.
    Repeat {
        /// How often.
        times: u32,
        /// What.
        step: Box<Step>,
    },
}

/// What steps leave open until the call ends.
#[derive(Debug, Default)]
pub struct Held(Vec<tcp::Connection>);

impl Step {
    /// Does it and says how it went, as a text.
    pub fn run(&self, target: &Target, held: &mut Held) -> String {
        match self.attempt(target, held, 0) {
            Ok(text) => text,
            Err(error) => described(&error),
        }
    }

    fn attempt(&self, target: &Target, held: &mut Held, number: u32) -> Result<String, Error> {
        match self {
            Self::Tcp {
                address,
                tls,
                start_tls,
                secret,
            } => {
                let address = address.as_deref().unwrap_or(&target.address);
                let (host, port) = host_and_port(address)?;
                let mut connection = tcp::Connection::open_with(host, port, tls.as_deref())?;
                if let Some(profile) = start_tls {
                    connection.write(b"starttls\r\n")?;
                    connection.read_line()?;
                    connection.start_tls(profile, None)?;
                }
                match secret {
                    Some(name) => {
                        connection.write_secret(b"<", &secrets::get(name)?, b">\r\n")?;
                    }
                    None => connection.write(b"hello\r\n")?,
                }
                let line = connection.read_line()?;
                let line = String::from_utf8_lossy(&line).into_owned();
                let version = connection.session().map(|session| session.version);
                let version = version.unwrap_or_default();
                Ok(format!("{line} {} {version}", connection.peer()))
            }
            Self::Connect { address, hold } => {
                let (host, port) = split(address)?;
                let connection = tcp::Connection::open(host, port)?;
                if *hold {
                    held.0.push(connection);
                }
                Ok("connected".to_owned())
            }
            Self::Http {
                url,
                method,
                header,
                bearer,
                basic,
                tls,
            } => {
                let [token, password] = [bearer.as_deref(), basic.as_ref().map(|b| b.1.as_str())]
                    .map(|name| secrets::find(name));
                let (token, password) = (token?, password?);
                let method = method.as_deref().unwrap_or("GET");
                let mut request = http::Request::new(method, url).tls(tls.as_deref());
                if let Some((name, value)) = header {
                    request = request.header(name, value.as_str());
                }
                if let Some(token) = &token {
                    request = request.bearer(token);
                }
                if let (Some((user, _)), Some(password)) = (basic, &password) {
                    request = request.basic(user, password);
                }
                let response = http::send(&request)?;
                let body = String::from_utf8_lossy(&response.body).into_owned();
                Ok(format!("{} {body}", response.status))
            }
            Self::Udp {
                address,
                deaf,
                more,
            } => {
                let (host, port) = split(address)?;
                let mut socket = udp::Socket::connect(host, port)?;
                socket.send(b"hello")?;
                for _ in 0..*more {
                    socket.send(b"hello")?;
                }
                if *deaf {
                    return Ok("sent".to_owned());
                }
                let answer = socket.receive(1024)?;
                Ok(String::from_utf8_lossy(&answer).into_owned())
            }
            Self::Ping { host, bytes } => icmp::ping(host, *bytes).map(|reply| reply.address),
            Self::Resolve { host } => {
                let addresses = names::resolve(host)?;
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                Ok(addresses.join(" "))
            }
            Self::Read { path } => files::read(path).map(|bytes| bytes.len().to_string()),
            Self::Entries { path } => files::entries(path).map(|names| names.join(" ")),
            Self::Link { path } => files::link(path),
            Self::Room { path } => {
                files::file_system(path).map(|room| (room.bytes >= room.bytes_free).to_string())
            }
            Self::Secret { name } => secrets::get(name).map(|_| "taken".to_owned()),
            Self::Reveal { name } => secrets::get(name)?.reveal(),
            Self::Get { key } => {
                let value = state::get(key)?;
                let value = value.map(|value| String::from_utf8_lossy(&value).into_owned());
                Ok(value.unwrap_or_else(|| "nothing".to_owned()))
            }
            Self::Set { key, value } => {
                let key = key.replace("{n}", &number.to_string());
                state::set(&key, value.as_bytes()).map(|()| "kept".to_owned())
            }
            Self::Watch { api_version, kind } => {
                kubernetes::Watch::open(api_version, kind, None, None)?;
                Ok("open".to_owned())
            }
            Self::Clock => Ok(clock::now_ms().to_string()),
            Self::Discipline => {
                let timex = clock::discipline()?;
                Ok(format!("{} {}", timex.is_synchronized(), timex.tick))
            }
            Self::Log => {
                log::info("a line", &[]);
                Ok("logged".to_owned())
            }
            Self::Repeat { times, step } => {
                for number in 0..*times {
                    if let Err(error) = step.attempt(target, held, number) {
                        return Ok(format!("after {number}: {}", described(&error)));
                    }
                }
                Ok(format!("{times} times"))
            }
        }
    }
}

/// Unlike a target's, an address may be nonsense: it is the host that shall say so.
fn split(address: &str) -> Result<(&str, u16), Error> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "1"));
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let port = port.parse();
    let port = port.map_err(|_| Error::Internal(format!("{address:?} has no port")))?;
    Ok((bare.unwrap_or(host), port))
}

fn described(error: &Error) -> String {
    let kind = match error {
        Error::Config(_) => "config",
        Error::Unavailable(_) => "unavailable",
        Error::Timeout => "timeout",
        Error::Denied(_) => "denied",
        Error::Protocol(_) => "protocol",
        Error::Internal(_) => "internal",
    };
    format!("{kind}: {}", error.message())
}
