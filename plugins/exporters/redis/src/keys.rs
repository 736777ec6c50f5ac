//! Keys that the configuration names: their sizes, their values, how many there are.

use narthex_sdk::{Batch, Error};

use crate::place::Place;
use crate::reader::Reader;

/// The longest value that is read, in bytes; of a longer one there is the size only.
const VALUE_BYTES_MAX: u32 = 64;

/// How the text of a HyperLogLog begins, which is a string to the server.
const HYPERLOGLOG: &str = "HYLL";

/// What is to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) check: Vec<Place>,
    pub(crate) count: Vec<Place>,
}

/// What a key holds.
enum Content {
    /// No key.
    Nothing,
    /// So many elements.
    Elements(f64),
    /// A text, by its length, and as a whole where it is short.
    Text(f64, Option<String>),
}

impl Content {
    /// Asks for it. None: the server refuses, or the type has no size.
    fn read(reader: &mut Reader, key: &str) -> Result<Option<Self>, Error> {
        let kind = reader.ask(&["TYPE", key])?;
        let length = match kind.as_text().unwrap_or_default() {
            "none" => return Ok(Some(Self::Nothing)),
            "string" => return Self::read_text(reader, key),
            "list" => "LLEN",
            "set" => "SCARD",
            "zset" => "ZCARD",
            "hash" => "HLEN",
            "stream" => "XLEN",
            _ => return Ok(None),
        };
        let length = reader.ask(&[length, key])?;
        Ok(length.as_number().map(Self::Elements))
    }

    fn read_text(reader: &mut Reader, key: &str) -> Result<Option<Self>, Error> {
        let last = (VALUE_BYTES_MAX - 1).to_string();
        let start = reader.ask(&["GETRANGE", key, "0", &last])?;
        let start = start.as_text();
        if start.is_some_and(|text| text.starts_with(HYPERLOGLOG)) {
            // A text that only looks like one is refused here.
            if let Some(count) = reader.ask(&["PFCOUNT", key])?.as_number() {
                return Ok(Some(Self::Elements(count)));
            }
        }
        let Some(length) = reader.ask(&["STRLEN", key])?.as_number() else {
            return Ok(None);
        };
        // Bytes that are no text are no label.
        let is_whole = length <= f64::from(VALUE_BYTES_MAX);
        let text = start.filter(|text| is_whole && !text.contains(char::REPLACEMENT_CHARACTER));
        Ok(Some(Self::Text(length, text.map(str::to_owned))))
    }
}

impl Keys {
    /// Asks for all of it and writes what there is.
    pub(crate) fn write(&self, reader: &mut Reader, batch: &mut Batch) -> Result<(), Error> {
        self.write_keys(reader, batch)?;
        self.write_counts(reader, batch)
    }

    /// A key that is named and is not there has the size 0; one that was found by a pattern and
    /// is gone has no sample.
    fn write_keys(&self, reader: &mut Reader, batch: &mut Batch) -> Result<(), Error> {
        let mut sizes: Vec<(String, String, f64)> = Vec::new();
        let mut values: Vec<(String, String, String)> = Vec::new();
        for place in &self.check {
            for key in reader.keys(place)? {
                let (size, value) = match Content::read(reader, &key)? {
                    None => continue,
                    Some(Content::Nothing) if place.is_pattern() => continue,
                    Some(Content::Nothing) => (0.0, None),
                    Some(Content::Elements(size)) => (size, None),
                    Some(Content::Text(size, text)) => (size, text),
                };
                if let Some(value) = value {
                    values.push((place.label(), key.clone(), value));
                }
                sizes.push((place.label(), key, size));
            }
        }
        if sizes.is_empty() {
            return Ok(());
        }
        let mut family = batch.gauge("redis_key_size", "Length or elements of each key.");
        for (database, key, size) in &sizes {
            family.sample(&[("db", database), ("key", key)], *size);
        }
        let mut family = batch.gauge("redis_key_value", "Value of each key that is a number.");
        for (database, key, value) in &values {
            if let Ok(number) = value.parse() {
                family.sample(&[("db", database), ("key", key)], number);
            }
        }
        let mut family = batch.gauge(
            "redis_key_value_as_string",
            "Value of each key that is a short text and no number; the value is always 1.",
        );
        for (database, key, value) in &values {
            if value.parse::<f64>().is_err() {
                family.sample(&[("db", database), ("key", key), ("val", value)], 1.0);
            }
        }
        Ok(())
    }

    fn write_counts(&self, reader: &mut Reader, batch: &mut Batch) -> Result<(), Error> {
        let mut counts = Vec::new();
        for place in &self.count {
            if let Some(count) = reader.count(place)? {
                counts.push((place.label(), &place.key, f64::from(count)));
            }
        }
        if counts.is_empty() {
            return Ok(());
        }
        let mut family = batch.gauge("redis_keys_count", "Keys of each pattern.");
        for (database, key, count) in counts {
            family.sample(&[("db", &database), ("key", key)], count);
        }
        Ok(())
    }
}
