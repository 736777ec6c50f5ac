//! `narthex alerts cluster` and `narthex alerts config`: what an Alertmanager says of its peers and
//! of what it runs with, as amtool's `cluster show` and `config show`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use super::connection::{Connection, ConnectionArgs};
use super::output::{Output, OutputArgs, entries, text};

/// Whom to ask, and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct StatusQuery {
    /// Whom to ask.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// How to print.
    #[command(flatten)]
    output: OutputArgs,
}

impl StatusQuery {
    fn ask(&self) -> anyhow::Result<Value> {
        Connection::new(&self.connection)?.get("status", &[])
    }

    /// Prints who is in the cluster.
    ///
    /// # Errors
    /// What hindered it.
    pub(super) fn cluster(&self) -> anyhow::Result<ExitCode> {
        let output = self.output.form()?.output;
        let mut status = self.ask()?;
        let cluster = status["cluster"].take();
        match output {
            Output::Json => println!("{cluster}"),
            output => print!("{}", cluster_text(&cluster, output)),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints the config that runs.
    ///
    /// # Errors
    /// What hindered it.
    pub(super) fn config(&self) -> anyhow::Result<ExitCode> {
        let output = self.output.form()?.output;
        let status = self.ask()?;
        if output == Output::Json {
            println!("{status}");
            return Ok(ExitCode::SUCCESS);
        }
        let config = status.pointer("/config/original").and_then(Value::as_str);
        let config = config.context("the Alertmanager does not say what its config is")?;
        println!("{config}");
        if output == Output::Extended {
            let versions = status["versionInfo"].as_object().into_iter().flatten();
            for (name, value) in versions {
                println!("{name} {}", value.as_str().unwrap_or_default());
            }
            println!("uptime {}", text(&status, "/uptime"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Two lines, and where more is asked for the peers.
fn cluster_text(cluster: &Value, output: Output) -> String {
    let mut shown = format!(
        "Cluster Status:  {}\nNode Name:       {}\n",
        plain(text(cluster, "/status")),
        plain(text(cluster, "/name"))
    );
    if output == Output::Extended {
        let peers = entries(&cluster["peers"]).iter();
        let mut peers: Vec<(String, String)> = peers
            .map(|peer| (plain(text(peer, "/address")), plain(text(peer, "/name"))))
            .collect();
        peers.sort();
        let addresses = peers.iter().map(|(address, _)| address.chars().count());
        let width = addresses.chain(["Address".len()]).max().unwrap_or(0);
        shown.push_str(&format!("\n{:width$}  Name\n", "Address"));
        for (address, name) in peers {
            shown.push_str(&format!("{address:width$}  {name}\n"));
        }
    }
    shown
}

/// What others wrote must not steer a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn peers_are_a_table() {
        let cluster = json!({"status": "ready", "name": "01A", "peers": [
            {"name": "01B", "address": "10.0.0.2:9094"},
            {"name": "01A", "address": "10.0.0.1:9094"},
        ]});
        assert_eq!(
            cluster_text(&cluster, Output::Extended),
            "Cluster Status:  ready\nNode Name:       01A\n\nAddress        Name\n\
             10.0.0.1:9094  01A\n10.0.0.2:9094  01B\n"
        );
        let none = json!({"status": "disabled", "peers": []});
        assert_eq!(
            cluster_text(&none, Output::Simple),
            "Cluster Status:  disabled\nNode Name:       \n"
        );
    }
}
