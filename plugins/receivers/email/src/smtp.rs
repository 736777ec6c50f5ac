//! The dialogue with a mail server (RFC 5321). As in Alertmanager, whatever a server says no to is
//! tried again.

use std::collections::BTreeMap;

use narthex_sdk::Error;
use narthex_sdk::tcp::{Connection, SYSTEM_PROFILE};

/// At this port TLS begins at once.
const IMPLICIT_TLS_PORT: u16 = 465;

/// How the client introduces itself where the entry does not say.
const HELLO: &str = "localhost";

/// The longest line of a reply. RFC 5321 has 512.
const LINE_BYTES_MAX: u32 = 4096;

/// The most lines that a reply has.
const REPLY_LINES_MAX: usize = 100;

/// What a server says: a code of three digits, and texts.
pub(crate) struct Reply {
    code: String,
    lines: Vec<String>,
}

impl Reply {
    /// The first text.
    pub(crate) fn text(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    /// The reply, where its code begins so.
    ///
    /// # Errors
    /// It is another. `what` was asked.
    fn must_be(self, code: &str, what: &str) -> Result<Self, Error> {
        match self.code.starts_with(code) {
            true => Ok(self),
            false => {
                let text = format!("{what}: {} {}", self.code, self.lines.join(" "));
                Err(Error::Unavailable(text))
            }
        }
    }
}

/// A dialogue under way.
pub(crate) struct Client {
    connection: Connection,
    host: String,
    hello: String,
    /// What the server can, with what it says of that; the names are in capitals.
    extensions: BTreeMap<String, String>,
}

impl Client {
    /// Connects and introduces itself.
    ///
    /// # Errors
    /// Nobody answers, or not as mail servers do.
    pub(crate) fn connect(host: &str, port: u16, hello: &str) -> Result<Self, Error> {
        let profile = (port == IMPLICIT_TLS_PORT).then_some(SYSTEM_PROFILE);
        let hello = if hello.is_empty() { HELLO } else { hello };
        if !hello.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Config(format!("hello: {hello:?} is no name")));
        }
        let mut client = Self {
            connection: Connection::open_with(host, port, profile)?,
            host: host.to_owned(),
            hello: hello.to_owned(),
            extensions: BTreeMap::new(),
        };
        client.reply()?.must_be("220", "the server's greeting")?;
        client.introduce()?;
        Ok(client)
    }

    fn introduce(&mut self) -> Result<(), Error> {
        let reply = self.ask(&format!("EHLO {}", self.hello))?;
        self.extensions.clear();
        if reply.code != "250" {
            // One that knows no extensions.
            self.ask(&format!("HELO {}", self.hello))?
                .must_be("250", "HELO")?;
            return Ok(());
        }
        let told = reply.lines.iter().skip(1).map(|line| {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            (name.to_ascii_uppercase(), rest.to_owned())
        });
        self.extensions = told.collect();
        Ok(())
    }

    /// What the server says of something that it can.
    pub(crate) fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.get(name).map(String::as_str)
    }

    /// Whether nobody else can read what is said.
    pub(crate) fn is_private(&self) -> bool {
        let is_here = ["localhost", "127.0.0.1", "::1"].contains(&self.host.as_str());
        is_here || self.connection.session().is_some()
    }

    /// Goes on in TLS, where it is not in TLS already.
    ///
    /// # Errors
    /// The server cannot, or the two do not agree.
    pub(crate) fn start_tls(&mut self) -> Result<(), Error> {
        if self.connection.session().is_some() {
            return Ok(());
        }
        if self.extension("STARTTLS").is_none() {
            let text = "the server has no STARTTLS, and require_tls is true (as it is by default)";
            return Err(Error::Unavailable(text.to_owned()));
        }
        self.ask("STARTTLS")?.must_be("220", "STARTTLS")?;
        self.connection.start_tls(SYSTEM_PROFILE, None)?;
        self.introduce()
    }

    /// Says a line of a login and hears what is asked next; none when that was the last.
    ///
    /// # Errors
    /// The server does not let it in. The line is not told.
    pub(crate) fn answer(&mut self, line: &str, mechanism: &str) -> Result<Option<String>, Error> {
        let reply = self.ask(line)?;
        if reply.code == "334" {
            return Ok(Some(reply.text().to_owned()));
        }
        reply.must_be("235", &format!("login by {mechanism}"))?;
        Ok(None)
    }

    /// Sends a letter, whose lines end in CR LF.
    ///
    /// # Errors
    /// The server does not take it.
    pub(crate) fn send(&mut self, from: &str, to: &[String], letter: &str) -> Result<(), Error> {
        let mut mail = format!("MAIL FROM:<{from}>");
        for (extension, parameter) in [("8BITMIME", " BODY=8BITMIME"), ("SMTPUTF8", " SMTPUTF8")] {
            if self.extension(extension).is_some() {
                mail.push_str(parameter);
            }
        }
        self.ask(&mail)?.must_be("250", "MAIL")?;
        for to in to {
            self.ask(&format!("RCPT TO:<{to}>"))?
                .must_be("25", &format!("RCPT {to}"))?;
        }
        self.ask("DATA")?.must_be("354", "DATA")?;
        let mut data = String::with_capacity(letter.len() + 16);
        for line in letter.split_inclusive("\r\n") {
            // A line of one dot is the end of the letter.
            if line.starts_with('.') {
                data.push('.');
            }
            data.push_str(line);
        }
        data.push_str(".\r\n");
        self.connection.write(data.as_bytes())?;
        self.reply()?.must_be("250", "the letter")?;
        Ok(())
    }

    /// Says goodbye. The letter is delivered, whatever comes of that.
    pub(crate) fn quit(&mut self) {
        let _ = self.ask("QUIT");
    }

    fn ask(&mut self, line: &str) -> Result<Reply, Error> {
        self.connection.write(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// A reply of all its lines.
    fn reply(&mut self) -> Result<Reply, Error> {
        let mut lines = Vec::new();
        loop {
            let line = self.connection.read_until(b"\n", LINE_BYTES_MAX)?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let fault = || Error::Unavailable(format!("{line:?} is no reply of a mail server"));
            let code = line.get(..3).ok_or_else(fault)?;
            if !code.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(fault());
            }
            let rest = line.get(3..).unwrap_or_default();
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                let code = code.to_owned();
                return Ok(Reply { code, lines });
            }
            if lines.len() >= REPLY_LINES_MAX {
                let text = format!("a reply of over {REPLY_LINES_MAX} lines");
                return Err(Error::Unavailable(text));
            }
        }
    }
}
