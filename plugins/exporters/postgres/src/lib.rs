//! A PostgreSQL server, asked over its own protocol and written under postgres_exporter's names.
//!
//! It is not: a driver. It asks fixed queries, and those of the configuration, and reads texts.

mod custom;
mod message;
mod parts;
mod rows;
mod scram;
mod session;
mod settings;
mod table;

use std::collections::BTreeMap;

use narthex_sdk::{Batch, Error, Exporter, Target, clock, log, secrets};
use serde::Deserialize;

use crate::custom::Query;
use crate::scram::Salted;
use crate::session::{Login, Session};

/// What a job can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who asks; the role needs `pg_monitor`.
    pub user: String,
    /// The password in clear text.
    pub password: Option<String>,
    /// The name of the secret that is the password.
    pub password_secret: Option<String>,
    /// The database to connect to: its tables are reported.
    pub database: String,
    /// The TLS profile to connect with; none is no TLS, an empty one the system's authorities.
    pub tls: Option<String>,
    /// Whether to report the server's settings.
    pub settings: bool,
    /// Whether to report every table.
    pub tables: bool,
    /// Queries of one's own, by the beginning of their families' names.
    pub queries: BTreeMap<String, Query>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user: "postgres".to_owned(),
            password: None,
            password_secret: None,
            database: "postgres".to_owned(),
            tls: None,
            settings: true,
            tables: true,
            queries: BTreeMap::new(),
        }
    }
}

/// The exporter.
pub struct Postgres {
    config: Config,
    salted: Option<Salted>,
}

narthex_sdk::export!(Postgres);

/// How one part went.
struct Outcome {
    name: String,
    seconds: f64,
    is_ok: bool,
}

impl Exporter for Postgres {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        for (name, query) in &config.queries {
            query.check(name)?;
        }
        Ok(Self {
            config,
            salted: None,
        })
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        let outcomes = match self.open(target) {
            Ok(mut session) => {
                up(batch, 1.0);
                let outcomes = self.ask(&mut session, batch);
                session.close();
                outcomes?
            }
            // The server is what is down, not the exporter: alerts look for `pg_up`.
            Err(error) if error.is_of_target() => {
                log::warn("no connection", &[("error", error.message())]);
                up(batch, 0.0);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        report(&outcomes, batch);
        Ok(())
    }
}

fn up(batch: &mut Batch, value: f64) {
    let help = "Whether the server answered.";
    batch.gauge("pg_up", help).sample(&[], value);
}

impl Postgres {
    fn open(&mut self, target: &Target) -> Result<Session, Error> {
        let secret = secrets::find(self.config.password_secret.as_deref())?;
        let password = match secret {
            // The protocol computes with it.
            Some(secret) => secret.reveal()?,
            None => self.config.password.clone().unwrap_or_default(),
        };
        let login = Login {
            user: &self.config.user,
            password: &password,
            database: &self.config.database,
            tls: self.config.tls.as_deref(),
        };
        Session::open(&target.address, &login, &mut self.salted)
    }

    /// Asks for every part. One that fails is left out, as long as the connection stays.
    fn ask(&self, session: &mut Session, batch: &mut Batch) -> Result<Vec<Outcome>, Error> {
        let version = session.version.clone();
        let major = table::major(&version)?;
        batch
            .gauge("pg_static", "The server's version; the value is always 1.")
            .sample(
                &[("short_version", short(&version)), ("version", &version)],
                1.0,
            );
        let mut outcomes = Vec::new();
        let mut part = |name: &str, ask: &mut dyn FnMut() -> Result<(), Error>| {
            let start = clock::monotonic();
            let result = ask();
            let seconds = clock::monotonic().saturating_sub(start).as_secs_f64();
            if let Err(error) = &result {
                log::warn("part failed", &[("part", name), ("error", error.message())]);
            }
            let is_lost = matches!(result, Err(Error::Unavailable(_) | Error::Timeout));
            outcomes.push(Outcome {
                name: name.trim_start_matches("pg_").to_owned(),
                seconds,
                is_ok: result.is_ok(),
            });
            if is_lost { result } else { Ok(()) }
        };
        for table in parts::TABLES {
            let is_table = table.name.ends_with("user_tables");
            let wanted = self.config.tables || !is_table;
            if let Some(query) = table.query(major).filter(|_| wanted) {
                part(table.name, &mut || {
                    table.write(&session.query(&query)?, batch)
                })?;
            }
        }
        if self.config.settings {
            part("settings", &mut || {
                settings::write(&session.query(settings::QUERY)?, batch)
            })?;
        }
        for (name, query) in &self.config.queries {
            part(name, &mut || {
                query.write(name, &session.query(&query.query)?, batch)
            })?;
        }
        Ok(outcomes)
    }
}

/// `15.18 (Debian 15.18-0)` is 15.18.0 in short, as postgres_exporter has it.
fn short(version: &str) -> &str {
    version.split(' ').next().unwrap_or_default()
}

fn report(outcomes: &[Outcome], batch: &mut Batch) {
    let failed = outcomes.iter().any(|outcome| !outcome.is_ok);
    batch
        .gauge("pg_exporter_last_scrape_error", "Whether a part failed.")
        .sample(&[], f64::from(u8::from(failed)));
    let mut family = batch.gauge(
        "pg_scrape_collector_duration_seconds",
        "How long this part took.",
    );
    for outcome in outcomes {
        family.sample(&[("collector", &outcome.name)], outcome.seconds);
    }
    let mut family = batch.gauge("pg_scrape_collector_success", "Whether this part worked.");
    for outcome in outcomes {
        let value = f64::from(u8::from(outcome.is_ok));
        family.sample(&[("collector", &outcome.name)], value);
    }
}

#[cfg(test)]
mod tests;
