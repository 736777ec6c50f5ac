//! Keys and streams that the configuration names.
//!
//! It is not: a way to look at all keys. Patterns go through SCAN, with a bound.

use std::collections::BTreeSet;

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error};

use crate::info::number;
use crate::resp::{self, Reply};

/// So many steps one pattern may take through SCAN; what lies behind is not looked at.
const SCAN_STEPS_MAX: u32 = 1000;

/// How many keys SCAN looks at in a step.
const SCAN_COUNT: &str = "1000";

/// So many keys one pattern reports; the others are left out.
const KEYS_MAX: usize = 1000;

/// The longest value that is read as a number, in bytes.
const VALUE_BYTES_MAX: f64 = 64.0;

/// A database, and a key or a pattern in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    database: String,
    key: String,
}

impl Place {
    /// Reads `db0=key`; without a database it is the first. None: it names no key.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (database, key) = match text.split_once('=') {
            Some((database, key)) => {
                let database = database.strip_prefix("db").unwrap_or(database);
                (database, key)
            }
            None => ("0", text),
        };
        database.parse::<u32>().ok()?;
        (!key.is_empty()).then(|| Self {
            database: database.to_owned(),
            key: key.to_owned(),
        })
    }

    fn is_pattern(&self) -> bool {
        self.key.contains(['*', '?', '['])
    }
}

/// What is to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) check: Vec<Place>,
    pub(crate) count: Vec<Place>,
    pub(crate) streams: Vec<Place>,
}

/// Sends a command and reads its answer.
fn ask(connection: &mut Connection, words: &[&str]) -> Result<Reply, Error> {
    let mut bytes = Vec::new();
    resp::command(&mut bytes, words);
    connection.write(&bytes)?;
    resp::read(connection)
}

/// The keys of a pattern, in order.
fn scan(connection: &mut Connection, pattern: &str) -> Result<BTreeSet<String>, Error> {
    let mut keys = BTreeSet::new();
    let mut cursor = "0".to_owned();
    for _ in 0..SCAN_STEPS_MAX {
        let words = ["SCAN", &cursor, "MATCH", pattern, "COUNT", SCAN_COUNT];
        let reply = ask(connection, &words)?;
        let [next, found] = reply.elements() else {
            break;
        };
        let found = found.elements().iter().filter_map(Reply::as_text);
        keys.extend(found.map(str::to_owned));
        next.as_text().unwrap_or("0").clone_into(&mut cursor);
        if cursor == "0" {
            break;
        }
    }
    Ok(keys)
}

impl Keys {
    /// Asks for all of it and writes what there is. A key that is not there has no sample.
    pub(crate) fn write(
        &self,
        connection: &mut Connection,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        self.write_keys(connection, batch)?;
        self.write_counts(connection, batch)?;
        self.write_streams(connection, batch)
    }

    fn write_keys(&self, connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
        let mut found: Vec<(String, String, f64, Option<f64>)> = Vec::new();
        for place in &self.check {
            ask(connection, &["SELECT", &place.database])?;
            let keys = match place.is_pattern() {
                true => scan(connection, &place.key)?,
                false => BTreeSet::from([place.key.clone()]),
            };
            for key in keys.into_iter().take(KEYS_MAX) {
                let kind = ask(connection, &["TYPE", &key])?;
                let length = match kind.as_text().unwrap_or_default() {
                    "string" => "STRLEN",
                    "list" => "LLEN",
                    "set" => "SCARD",
                    "zset" => "ZCARD",
                    "hash" => "HLEN",
                    "stream" => "XLEN",
                    _ => continue,
                };
                let Some(size) = ask(connection, &[length, &key])?.as_number() else {
                    continue;
                };
                let value = match length == "STRLEN" && size <= VALUE_BYTES_MAX {
                    true => ask(connection, &["GET", &key])?.as_text().and_then(number),
                    false => None,
                };
                found.push((format!("db{}", place.database), key, size, value));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let mut family = batch.gauge("redis_key_size", "Length or elements of each key.");
        for (database, key, size, _) in &found {
            family.sample(&[("db", database), ("key", key)], *size);
        }
        let mut family = batch.gauge("redis_key_value", "Value of each key that is a number.");
        for (database, key, _, value) in &found {
            if let Some(value) = value {
                family.sample(&[("db", database), ("key", key)], *value);
            }
        }
        Ok(())
    }

    fn write_counts(&self, connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
        let mut counts = Vec::new();
        for place in &self.count {
            ask(connection, &["SELECT", &place.database])?;
            counts.push((place, scan(connection, &place.key)?.len()));
        }
        if counts.is_empty() {
            return Ok(());
        }
        let mut family = batch.gauge("redis_keys_count", "Keys of each pattern.");
        for (place, count) in counts {
            let database = format!("db{}", place.database);
            family.sample(&[("db", &database), ("key", &place.key)], count as f64);
        }
        Ok(())
    }

    fn write_streams(&self, connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
        let mut streams = Vec::new();
        for place in &self.streams {
            ask(connection, &["SELECT", &place.database])?;
            let stream = ask(connection, &["XINFO", "STREAM", &place.key])?;
            let groups = ask(connection, &["XINFO", "GROUPS", &place.key])?;
            if !stream.elements().is_empty() {
                streams.push((format!("db{}", place.database), &place.key, stream, groups));
            }
        }
        if streams.is_empty() {
            return Ok(());
        }
        for (name, field, help) in [
            ("redis_stream_length", "length", "Entries of each stream."),
            (
                "redis_stream_groups",
                "groups",
                "Groups of consumers of each stream.",
            ),
            (
                "redis_stream_radix_tree_keys",
                "radix-tree-keys",
                "Keys of each stream's tree.",
            ),
            (
                "redis_stream_radix_tree_nodes",
                "radix-tree-nodes",
                "Nodes of each stream's tree.",
            ),
        ] {
            let mut family = batch.gauge(name, help);
            for (database, key, stream, _) in &streams {
                if let Some(value) = stream.field(field).and_then(Reply::as_number) {
                    family.sample(&[("db", database), ("stream", key)], value);
                }
            }
        }
        for (name, field, help) in [
            (
                "redis_stream_group_consumers",
                "consumers",
                "Consumers of each group.",
            ),
            (
                "redis_stream_group_messages_pending",
                "pending",
                "Entries that a group was given and has not acknowledged.",
            ),
        ] {
            let mut family = batch.gauge(name, help);
            for (database, key, _, groups) in &streams {
                for group in groups.elements() {
                    let name = group.field("name").and_then(Reply::as_text);
                    let value = group.field(field).and_then(Reply::as_number);
                    if let (Some(name), Some(value)) = (name, value) {
                        let labels = [("db", database.as_str()), ("stream", key), ("group", name)];
                        family.sample(&labels, value);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_a_database_and_a_key() {
        let place = |database: &str, key: &str| {
            Some(Place {
                database: database.to_owned(),
                key: key.to_owned(),
            })
        };
        for (text, expected) in [
            ("db3=a", place("3", "a")),
            ("3=a=b", place("3", "a=b")),
            ("a:*", place("0", "a:*")),
            ("dbx=a", None),
            ("db0=", None),
            ("", None),
        ] {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
    }
}
