//! Letters by SMTP, of `email_configs`.
//!
//! It is not: a mail server. Letters go to one, the smarthost, which delivers them.

mod address;
mod encoding;
mod letter;
mod login;
mod smtp;

use std::collections::BTreeMap;

use narthex_integration::{Entry, Text};
use narthex_sdk::{Error, Notification, Outcome, Receiver, host_and_port};
use serde::Deserialize;

use login::Login;
use smtp::Client;

/// The entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    to: Text,
    from: Text,
    hello: String,
    smarthost: String,
    auth_username: String,
    auth_identity: String,
    headers: BTreeMap<String, Text>,
    html: Text,
    text: Text,
    require_tls: Option<bool>,
    threading: letter::Threading,
}

/// Sends letters.
pub struct Email {
    config: Config,
    host: String,
    port: u16,
    login: Option<Login>,
}

narthex_sdk::export_receiver!(Email);

impl Receiver for Email {
    type Config = Entry<Config>;

    fn init(Entry(config): Self::Config) -> Result<Self, Error> {
        let fault = |_| Error::Config(format!("smarthost {:?} is not host:port", config.smarthost));
        let (host, port) = host_and_port(&config.smarthost).map_err(fault)?;
        for name in config.headers.keys() {
            letter::check_name(name)?;
        }
        let login = match config.auth_username.as_str() {
            "" => None,
            username => Some(Login::new(username, &config.auth_identity)),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            login,
            config,
        })
    }

    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
        let config = &self.config;
        let from = match address::addresses("from", &config.from.expand()?)?.as_slice() {
            [from] => from.clone(),
            _ => return Err(Error::Config("from: it must be one address".to_owned())),
        };
        let to = address::addresses("to", &config.to.expand()?)?;
        let letter = letter::letter(config, notification)?;

        let mut client = Client::connect(&self.host, self.port, &config.hello)?;
        if config.require_tls.unwrap_or(true) {
            client.start_tls()?;
        }
        if let Some(login) = &self.login {
            login.log_in(&mut client)?;
        }
        client.send(&from, &to, &letter)?;
        client.quit();
        Ok(Outcome::Delivered)
    }
}

#[cfg(test)]
mod tests;
