//! The way to a server: connection, TLS, and who asks.

use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::tcp::Connection;
use narthex_sdk::{Error, host_and_port, log};

use crate::Config;
use crate::resp::{self, Reply};

/// How to connect and who asks.
pub(crate) struct Login {
    tls: Option<String>,
    username: Option<String>,
    password: Password,
}

enum Password {
    None,
    Text(String),
    Secret(Secret),
}

impl Login {
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let password = match (config.password, config.password_secret) {
            (Some(_), Some(_)) => {
                let text = "at most one of password and password_secret";
                return Err(Error::Config(text.to_owned()));
            }
            (Some(text), None) => Password::Text(text),
            (None, Some(name)) => Password::Secret(secrets::get(&name)?),
            (None, None) if config.username.is_some() => {
                let text = "username stands without password or password_secret";
                return Err(Error::Config(text.to_owned()));
            }
            (None, None) => Password::None,
        };
        let username = config.username;
        if username
            .as_ref()
            .is_some_and(|name| name.contains(char::is_whitespace))
        {
            return Err(Error::Config("username has white space in it".to_owned()));
        }
        Ok(Self {
            tls: config.tls,
            username,
            password,
        })
    }

    /// Connects and shows who asks.
    pub(crate) fn open(&self, address: &str) -> Result<Connection, Error> {
        let mut connection = self.connect(address)?;
        let secret = match &self.password {
            Password::None => return Ok(connection),
            Password::Text(text) => {
                self.authenticate(&mut connection, text)?;
                return Ok(connection);
            }
            Password::Secret(secret) => secret,
        };
        // As a line of words: an array of texts would need the secret's length.
        let user = match &self.username {
            Some(user) => format!("{} ", quoted(user)),
            None => String::new(),
        };
        connection.write_secret(format!("AUTH {user}'").as_bytes(), secret, b"'\r\n")?;
        match resp::read(&mut connection) {
            Ok(Reply::Error(text)) if text.starts_with("ERR Protocol") => {}
            Ok(Reply::Error(text)) => return Err(refused(&text)),
            Err(Error::Unavailable(_)) => {}
            other => return other.map(|_| connection),
        }
        // A quote in the secret ends the line early; then its text is needed after all.
        log::debug("the password does not fit into a line", &[]);
        let mut connection = self.connect(address)?;
        self.authenticate(&mut connection, &secret.reveal()?)?;
        Ok(connection)
    }

    fn connect(&self, address: &str) -> Result<Connection, Error> {
        let (host, port) = host_and_port(address)?;
        Connection::open_with(host, port, self.tls.as_deref())
    }

    fn authenticate(&self, connection: &mut Connection, password: &str) -> Result<(), Error> {
        let mut bytes = Vec::new();
        match &self.username {
            Some(username) => resp::command(&mut bytes, &["AUTH", username, password]),
            None => resp::command(&mut bytes, &["AUTH", password]),
        }
        connection.write(&bytes)?;
        match resp::read(connection)? {
            Reply::Error(text) => Err(refused(&text)),
            _ => Ok(()),
        }
    }
}

/// A server that does not let us in is down, as it is for redis_exporter.
fn refused(text: &str) -> Error {
    Error::Protocol(format!("AUTH: {text}"))
}

/// A word of a line.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
