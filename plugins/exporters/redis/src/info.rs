//! The text of INFO: sections of `field:value` lines.

use std::collections::BTreeMap;
use std::ops::Bound;

/// INFO, read. Borrows from the text.
#[derive(Debug, Default)]
pub(crate) struct Info<'a> {
    fields: BTreeMap<&'a str, &'a str>,
}

impl<'a> Info<'a> {
    /// Reads the text; a line that is no field is left out.
    pub(crate) fn parse(text: &'a str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'));
        Self {
            fields: lines.filter_map(|line| line.split_once(':')).collect(),
        }
    }

    /// A field's text.
    pub(crate) fn get(&self, field: &str) -> Option<&'a str> {
        self.fields.get(field).copied()
    }

    /// A field's text, empty where it is not there.
    pub(crate) fn text(&self, field: &str) -> &'a str {
        self.get(field).unwrap_or_default()
    }

    /// A field as a number.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        number(self.get(field)?)
    }

    /// Fields that begin with `prefix`: what follows it, and their text, by name.
    pub(crate) fn with_prefix<'s>(
        &'s self,
        prefix: &'s str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 's {
        self.fields
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map_while(move |(field, value)| Some((field.strip_prefix(prefix)?, *value)))
    }
}

/// A value as redis_exporter reads it: words that mean yes or no count as 1 and 0.
pub(crate) fn number(text: &str) -> Option<f64> {
    match text {
        "ok" | "true" => Some(1.0),
        "err" | "fail" | "false" => Some(0.0),
        _ => text.parse().ok(),
    }
}

/// One part of a value such as `calls=2,usec=8`.
pub(crate) fn part<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    parts(value).find_map(|(key, text)| (key == name).then_some(text))
}

/// All parts of such a value.
pub(crate) fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_fields_and_parts() {
        let info = Info::parse(
            "# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n\r\n# Commandstats\r\n\
             cmdstat_get:calls=2,usec=8\r\ncmdstat_set:calls=1,usec=10\r\nrdb:ok\r\nbroken\r\n",
        );
        assert_eq!(info.text("redis_version"), "7.0.15");
        assert_eq!(info.text("executable"), "/a:b");
        assert_eq!(info.number("rdb"), Some(1.0));
        assert_eq!(info.number("redis_version"), None);
        let commands: Vec<_> = info
            .with_prefix("cmdstat_")
            .map(|(command, value)| (command, part(value, "calls").unwrap()))
            .collect();
        assert_eq!(commands, [("get", "2"), ("set", "1")]);
    }
}
