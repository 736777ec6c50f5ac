//! A plugin that finds the targets that a file lists, for the tests of service discovery: a line
//! is `SOURCE ADDRESS NAME=VALUE...`, and the names become labels `__meta_inventory_NAME`. A line
//! `error TEXT` fails the refresh.

use std::collections::BTreeMap;

use narthex_sdk::{Discovery, Error, Group, files};
use serde::Deserialize;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file.
    file: String,
}

/// The plugin.
#[derive(Debug)]
pub struct Inventory(Config);

narthex_sdk::export_discovery!(Inventory);

impl Discovery for Inventory {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self(config))
    }

    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        let mut groups = BTreeMap::new();
        for line in files::read_text(&self.0.file)?.lines() {
            let mut words = line.split_whitespace();
            let (Some(source), Some(address)) = (words.next(), words.next()) else {
                continue;
            };
            if source == "error" {
                return Err(Error::Unavailable(address.to_owned()));
            }
            let labels: Vec<(String, &str)> = words
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| (format!("__meta_inventory_{name}"), value))
                .collect();
            let labels: Vec<(&str, &str)> = labels
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect();
            let group = groups.entry(source.to_owned());
            group
                .or_insert_with(|| Group::new(source))
                .add(address, &labels);
        }
        Ok(groups.into_values().collect())
    }
}
