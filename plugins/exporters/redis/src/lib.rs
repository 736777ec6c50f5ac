//! A Redis or Valkey server, asked over one connection and written under redis_exporter's names.
//!
//! One round trip: INFO ALL, a few settings, the slow log and the latency monitor; more where the
//! server is part of a cluster or a Sentinel, or where the configuration names keys. A command
//! that the server refuses (an ACL, a renamed CONFIG) costs its families and nothing else; only
//! INFO has to work. A server that cannot be reached, or does not let us in, is `redis_up 0`.
//!
//! It is not: a reader of modules, of clients or of all keys.

mod families;
mod fields;
mod info;
mod keys;
mod login;
mod place;
mod reader;
mod resp;
mod scrapes;
mod script;
mod sentinel;
mod settings;
mod streams;

use std::time::Duration;

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error, Exporter, Target, clock, log};
use serde::Deserialize;

use info::Info;
use keys::Keys;
use login::Login;
use place::Place;
use reader::Reader;
use resp::Reply;
use scrapes::Scrapes;
use settings::SETTINGS;

/// How many databases a server has that does not tell; Redis' own default.
const DATABASES_DEFAULT: u32 = 16;

/// What a job can set.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The user of an ACL; the password alone is the default user's.
    pub username: Option<String>,
    /// The password in clear text.
    pub password: Option<String>,
    /// The name of the secret that is the password.
    pub password_secret: Option<String>,
    /// The TLS profile to connect with; none is no TLS, an empty one the system's authorities.
    pub tls: Option<String>,
    /// Keys whose size and value are reported, `db0=name` each; patterns go through SCAN.
    pub check_keys: Vec<String>,
    /// Patterns whose keys are counted, `db0=name:*` each.
    pub count_keys: Vec<String>,
    /// Streams that are reported, `db0=name` each; patterns go through SCAN.
    pub check_streams: Vec<String>,
    /// Whether all settings of the server are reported, but for passwords.
    pub config_metrics: bool,
    /// A script in Lua that the server runs; it returns names and numbers in turn.
    pub script: Option<String>,
}

/// The exporter.
pub struct Redis {
    login: Login,
    keys: Keys,
    streams: Vec<Place>,
    config_metrics: bool,
    script: Option<String>,
    scrapes: Scrapes,
}

narthex_sdk::export!(Redis);

impl Exporter for Redis {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let places = |list: &[String]| {
            let place = |text: &String| {
                let fault = || Error::Config(format!("{text:?} is not db0=key"));
                Place::parse(text).ok_or_else(fault)
            };
            list.iter().map(place).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            keys: Keys {
                check: places(&config.check_keys)?,
                count: places(&config.count_keys)?,
            },
            streams: places(&config.check_streams)?,
            config_metrics: config.config_metrics,
            script: config.script.clone(),
            login: Login::new(config)?,
            scrapes: Scrapes::default(),
        })
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        let start = clock::monotonic();
        // What was written before the connection was lost is not kept.
        let mut found = Batch::new();
        let result = self.ask(&target.address, &mut found);
        let taken = clock::monotonic().saturating_sub(start);
        let (connected, fault) = match result {
            Ok(connected) => {
                *batch = found;
                (connected, None)
            }
            // The server is what is down, not the exporter: alerts look for `redis_up`.
            Err(error) if error.is_of_target() => {
                log::warn("the server is down", &[("error", error.message())]);
                (Duration::ZERO, Some(error))
            }
            Err(error) => return Err(error),
        };
        let up = f64::from(u8::from(fault.is_none()));
        for (name, help, value) in [
            ("redis_up", "Whether the server answered.", up),
            (
                "redis_exporter_last_scrape_connect_time_seconds",
                "How long it took to connect.",
                connected.as_secs_f64(),
            ),
            (
                "redis_exporter_last_scrape_duration_seconds",
                "How long it took to ask the server.",
                taken.as_secs_f64(),
            ),
        ] {
            batch.gauge(name, help).sample(&[], value);
        }
        let fault = fault.as_ref().map(Error::message);
        self.scrapes.count(&target.address, taken, fault, batch);
        Ok(())
    }
}

impl Redis {
    /// Asks for everything and says how long it took to connect.
    fn ask(&self, address: &str, batch: &mut Batch) -> Result<Duration, Error> {
        let start = clock::monotonic();
        let mut connection = self.login.open(address)?;
        let connected = clock::monotonic().saturating_sub(start);
        let answers = Answers::ask(&mut connection)?;
        answers.write(&mut connection, batch)?;
        if self.config_metrics {
            let all = resp::ask(&mut connection, &["CONFIG", "GET", "*"])?;
            settings::write_all(&all, batch);
        }
        // In the first database, which those who walk leave.
        if let Some(script) = &self.script {
            script::write(script, &mut connection, batch)?;
        }
        let mut reader = Reader::new(&mut connection);
        self.keys.write(&mut reader, batch)?;
        streams::write(&self.streams, &mut reader, batch)?;
        Ok(connected)
    }
}

/// What the server said, one answer a command.
struct Answers {
    info: String,
    databases: Reply,
    settings: Vec<Reply>,
    slow_length: Reply,
    slow_newest: Reply,
    latency: Reply,
}

impl Answers {
    /// Asks everything in one go and reads the answers.
    fn ask(connection: &mut Connection) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        resp::command(&mut bytes, &["INFO", "ALL"]);
        resp::command(&mut bytes, &["CONFIG", "GET", "databases"]);
        for (setting, _) in SETTINGS {
            resp::command(&mut bytes, &["CONFIG", "GET", setting]);
        }
        resp::command(&mut bytes, &["SLOWLOG", "LEN"]);
        resp::command(&mut bytes, &["SLOWLOG", "GET", "1"]);
        resp::command(&mut bytes, &["LATENCY", "LATEST"]);
        connection.write(&bytes)?;

        let info = match resp::read(connection)? {
            Reply::Text(text) => text,
            Reply::Error(text) => return Err(Error::Protocol(format!("INFO: {text}"))),
            other => return Err(Error::Protocol(format!("INFO: not a text: {other:?}"))),
        };
        let mut next = |command: &str| {
            let reply = resp::read(connection)?;
            if let Reply::Error(text) = &reply {
                log::debug("command refused", &[("command", command), ("error", text)]);
            }
            Ok::<_, Error>(reply)
        };
        Ok(Self {
            info,
            databases: next("CONFIG GET databases")?,
            settings: SETTINGS
                .iter()
                .map(|(setting, _)| next(setting))
                .collect::<Result<_, _>>()?,
            slow_length: next("SLOWLOG LEN")?,
            slow_newest: next("SLOWLOG GET")?,
            latency: next("LATENCY LATEST")?,
        })
    }

    fn write(&self, connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
        let info = Info::parse(&self.info);
        if info.get("redis_version").is_none() {
            return Err(Error::Protocol("INFO has no redis_version".to_owned()));
        }
        // Whole seconds, as redis_exporter counts them.
        let now_s = (clock::now_ms() / 1000) as f64;
        families::write_fields(&info, now_s, batch);
        families::write_commands(&info, batch);
        let is_cluster = info.number("cluster_enabled") == Some(1.0);
        let databases = match is_cluster {
            true => Some(1),
            false => settings::setting(&self.databases).and_then(whole),
        };
        families::write_databases(&info, databases.unwrap_or(DATABASES_DEFAULT), batch);
        families::write_replication(&info, batch);
        families::write_cluster(&info, batch);
        if is_cluster {
            write_cluster_state(connection, batch)?;
        }
        if info.text("redis_mode") == "sentinel" {
            sentinel::write_info(&info, batch);
            sentinel::write_masters(connection, batch)?;
        }
        settings::write(&self.settings, batch);
        families::write_slow_log(&self.slow_length, &self.slow_newest, batch);
        families::write_latency(&self.latency, batch);
        Ok(())
    }
}

/// A count, as CONFIG gives it.
fn whole(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked in the line above"
    )]
    fits.then_some(number as u32)
}

fn write_cluster_state(connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
    if let Reply::Text(text) = resp::ask(connection, &["CLUSTER", "INFO"])? {
        let info = Info::parse(&text);
        families::write_cluster(&info, batch);
        for (field, family) in [
            (
                "cluster_stats_messages_sent",
                "redis_cluster_messages_sent_total",
            ),
            (
                "cluster_stats_messages_received",
                "redis_cluster_messages_received_total",
            ),
        ] {
            if let Some(value) = info.number(field) {
                let help = format!("Field {field} of CLUSTER INFO.");
                batch.gauge(family, &help).sample(&[], value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
