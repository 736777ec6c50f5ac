//! Reads a memcached server: sends `stats`, and makes metrics of some lines of the answer.

use std::collections::HashMap;

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error, Exporter, Target, host_and_port};

/// The job's `plugin_config`; its schema is in plugin.toml.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "default_prefix")]
    prefix: String,
}

fn default_prefix() -> String {
    "{{identifier}}".to_owned()
}

/// One job; its fields live from scrape to scrape.
pub struct Plugin {
    config: Config,
}

narthex_sdk::export!(Plugin);

impl Exporter for Plugin {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        let stats = read_stats(target)?;
        let name = |name: &str| format!("{}_{name}", self.config.prefix);
        let number = |stat: &str| stats.get(stat).and_then(|text| text.parse::<f64>().ok());

        if let Some(version) = stats.get("version") {
            batch
                .gauge(&name("info"), "The server's version; always 1.")
                .sample(&[("version", version)], 1.0);
        }
        if let Some(connections) = number("curr_connections") {
            batch
                .gauge(&name("connections"), "Open connections.")
                .sample(&[], connections);
        }
        let mut commands = batch.counter(&name("commands_total"), "Commands by name.");
        for command in ["get", "set", "flush", "touch"] {
            if let Some(count) = number(&format!("cmd_{command}")) {
                commands.sample(&[("command", command)], count);
            }
        }
        Ok(())
    }
}

/// Lines such as `STAT curr_connections 10`, up to `END`.
fn read_stats(target: &Target) -> Result<HashMap<String, String>, Error> {
    let (host, port) = host_and_port(&target.address)?;
    let mut connection = Connection::open(host, port)?;
    connection.write(b"stats\r\n")?;
    let mut stats = HashMap::new();
    loop {
        let line = connection.read_line()?;
        let line = String::from_utf8_lossy(&line);
        match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
            ["END"] => return Ok(stats),
            ["STAT", name, value] => stats.insert(name.to_owned(), value.to_owned()),
            _ => return Err(Error::Protocol(format!("stats: not expected: {line}"))),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_sdk::fake::Host;

    #[test]
    fn stats_become_metrics() {
        Host::new()
            .dialogue(
                "memcached:11211",
                "STAT version 1.6.40\r\nSTAT curr_connections 10\r\nSTAT cmd_get 7\r\nEND\r\n",
            )
            .install();
        let config = Config {
            prefix: "m".to_owned(),
        };
        let target = Target {
            address: "memcached:11211".to_owned(),
            labels: vec![],
            params: vec![],
        };
        let mut batch = Batch::new();
        let mut plugin = Plugin::init(config).unwrap();
        plugin.collect(&target, &mut batch).unwrap();
        assert_eq!(
            batch.to_text(),
            "m_info{version=\"1.6.40\"} 1\nm_connections 10\nm_commands_total{command=\"get\"} 7\n"
        );
        assert_eq!(Host::written(), b"stats\r\n");
    }
}
