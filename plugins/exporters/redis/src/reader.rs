//! A connection that goes from database to database.
//!
//! It is not: a way to look at all keys. Patterns go through SCAN, with a bound.

use std::collections::BTreeSet;

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Error, log};

use crate::place::Place;
use crate::resp::{self, Reply};

/// So many steps one pattern may take through SCAN; what lies behind is not looked at.
const SCAN_STEPS_MAX: u32 = 1000;

/// How many keys SCAN looks at in a step.
const SCAN_COUNT: &str = "1000";

/// So many keys one pattern reports; the others are left out.
const KEYS_MAX: usize = 1000;

/// A connection, and the database that it is in.
pub(crate) struct Reader<'a> {
    connection: &'a mut Connection,
    database: String,
}

impl<'a> Reader<'a> {
    /// One on a connection that has selected no database yet.
    pub(crate) fn new(connection: &'a mut Connection) -> Self {
        Self {
            connection,
            database: "0".to_owned(),
        }
    }

    /// Sends a command and reads its answer.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<Reply, Error> {
        resp::ask(self.connection, words)
    }

    /// Goes to a place's database. False: the server has no such database, or does not let us in;
    /// then nothing may be read in its name.
    fn enter(&mut self, place: &Place) -> Result<bool, Error> {
        if self.database == place.database {
            return Ok(true);
        }
        if let Reply::Error(text) = self.ask(&["SELECT", &place.database])? {
            let fields = [("database", place.database.as_str()), ("error", &text)];
            log::warn("a database cannot be selected", &fields);
            return Ok(false);
        }
        self.database.clone_from(&place.database);
        Ok(true)
    }

    /// The keys of a place, in order: those of its pattern, or the one that it names, whether it
    /// is there or not. What cannot be looked at has none.
    pub(crate) fn keys(&mut self, place: &Place) -> Result<BTreeSet<String>, Error> {
        let mut keys = BTreeSet::new();
        if !place.is_pattern() {
            if self.enter(place)? {
                keys.insert(place.key.clone());
            }
            return Ok(keys);
        }
        self.scan(place, |key| {
            keys.insert(key.to_owned());
            keys.len() < KEYS_MAX
        })?;
        Ok(keys)
    }

    /// How many keys SCAN finds for a pattern; none where it cannot be looked at. A key that SCAN
    /// brings twice, as it may while the server moves its keys, counts twice.
    pub(crate) fn count(&mut self, place: &Place) -> Result<Option<u32>, Error> {
        let mut count = 0;
        let is_done = self.scan(place, |_| {
            count += 1;
            true
        })?;
        Ok(is_done.then_some(count))
    }

    /// Hands out the keys of a pattern for as long as they are wanted. False: the server refuses.
    fn scan(&mut self, place: &Place, mut take: impl FnMut(&str) -> bool) -> Result<bool, Error> {
        if !self.enter(place)? {
            return Ok(false);
        }
        let mut cursor = "0".to_owned();
        for _ in 0..SCAN_STEPS_MAX {
            let words = ["SCAN", &cursor, "MATCH", &place.key, "COUNT", SCAN_COUNT];
            let reply = self.ask(&words)?;
            let [next, found] = reply.elements() else {
                return Ok(false);
            };
            for key in found.elements().iter().filter_map(Reply::as_text) {
                if !take(key) {
                    return Ok(true);
                }
            }
            next.as_text().unwrap_or("0").clone_into(&mut cursor);
            if cursor == "0" {
                break;
            }
        }
        Ok(true)
    }
}
