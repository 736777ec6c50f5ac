//! What is asked of a server: one query a part, each of its columns a label or a family.

use narthex_sdk::{Batch, Error, MetricKind};

use crate::rows::{Family, Rows};

/// A part: a view of the server's, and what becomes of its columns.
#[derive(Debug)]
pub(crate) struct Table {
    /// The beginning of the families' names, and the name of the part.
    pub(crate) name: &'static str,
    /// What follows the columns in the query.
    pub(crate) from: &'static str,
    /// Columns that are labels: the label, and what is asked for; empty where it is the name.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    /// Columns that are families.
    pub(crate) columns: &'static [Column],
    /// The versions of the server that have it, first and last.
    pub(crate) versions: (u32, u32),
}

/// A column that is a family.
#[derive(Debug)]
pub(crate) struct Column {
    /// The end of the family's name.
    pub(crate) name: &'static str,
    /// What is asked for; empty where it is the name.
    pub(crate) expression: &'static str,
    pub(crate) kind: MetricKind,
    pub(crate) help: &'static str,
    /// The versions of the server that have it, first and last.
    pub(crate) versions: (u32, u32),
}

/// Whatever comes after today's servers.
pub(crate) const NEWEST: u32 = u32::MAX;

/// A column that is a counter.
pub(crate) const fn counter(name: &'static str, help: &'static str) -> Column {
    column(MetricKind::Counter, name, help)
}

/// A column that is a gauge.
pub(crate) const fn gauge(name: &'static str, help: &'static str) -> Column {
    column(MetricKind::Gauge, name, help)
}

/// A column whose family has no type in postgres_exporter either.
pub(crate) const fn unknown(name: &'static str, help: &'static str) -> Column {
    column(MetricKind::Unknown, name, help)
}

const fn column(kind: MetricKind, name: &'static str, help: &'static str) -> Column {
    Column {
        name,
        expression: "",
        kind,
        help,
        versions: (0, NEWEST),
    }
}

impl Column {
    /// What is asked for in place of the name.
    pub(crate) const fn of(self, expression: &'static str) -> Self {
        Self { expression, ..self }
    }

    /// Servers before this version do not have it.
    pub(crate) const fn since(self, version: u32) -> Self {
        let versions = (version, self.versions.1);
        Self { versions, ..self }
    }

    /// Servers after this version do not have it.
    pub(crate) const fn until(self, version: u32) -> Self {
        let versions = (self.versions.0, version);
        Self { versions, ..self }
    }
}

impl Table {
    /// The query for a server of this version; none, where it has no such view.
    pub(crate) fn query(&self, version: u32) -> Option<String> {
        let has = |(first, last): (u32, u32)| (first..=last).contains(&version);
        if !has(self.versions) {
            return None;
        }
        let columns = self.columns.iter().filter(|column| has(column.versions));
        let columns = columns.map(|column| (column.name, column.expression));
        let named = |(name, expression): (&str, &str)| match expression {
            "" => name.to_owned(),
            expression => format!("{expression} AS {name}"),
        };
        let labels = self.labels.iter().copied();
        let parts: Vec<String> = labels.chain(columns).map(named).collect();
        Some(format!("SELECT {} FROM {}", parts.join(", "), self.from))
    }

    /// Writes what the query brought.
    pub(crate) fn write(&self, rows: &Rows, batch: &mut Batch) -> Result<(), Error> {
        // The query names the labels' columns first.
        let labels = self.labels.iter().zip(0..);
        let labels: Vec<_> = labels.map(|((label, _), place)| (*label, place)).collect();
        for column in self.columns {
            let Some(place) = rows.place(column.name) else {
                continue;
            };
            let name = format!("{}_{}", self.name, column.name);
            let family = Family {
                name: &name,
                kind: column.kind,
                help: column.help,
                labels: &labels,
            };
            let fault = |text: &str| Error::Protocol(format!("{name}: {text:?} is no number"));
            rows.write(place, &family, fault, batch)?;
        }
        Ok(())
    }
}

/// The version of a server as a number of its first part: `15.4 (Debian)` is 15.
pub(crate) fn major(version: &str) -> Result<u32, Error> {
    let digits: &str = version
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    digits
        .parse()
        .map_err(|_| Error::Protocol(format!("the server's version is {version:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::TABLES;

    #[test]
    fn newer_servers_are_asked_for_more() {
        let database = TABLES
            .iter()
            .find(|t| t.name == "pg_stat_database")
            .unwrap();
        assert!(!database.query(11).unwrap().contains("checksum_failures"));
        assert!(database.query(12).unwrap().contains("checksum_failures"));
        assert!(database.query(14).unwrap().contains("sessions_killed"));
        let checkpointer = TABLES
            .iter()
            .find(|t| t.name == "pg_stat_checkpointer")
            .unwrap();
        assert_eq!(checkpointer.query(16), None);
        assert!(checkpointer.query(17).is_some());
    }

    #[test]
    fn rows_become_samples() {
        const TABLE: Table = Table {
            name: "pg_x",
            from: "x",
            labels: &[("datname", "")],
            columns: &[counter("hits", "")],
            versions: (0, NEWEST),
        };
        assert_eq!(TABLE.query(9).unwrap(), "SELECT datname, hits FROM x");
        let rows = |value: Option<&str>| Rows {
            columns: vec!["datname".to_owned(), "hits".to_owned()],
            rows: vec![vec![Some("a\"b".to_owned()), value.map(str::to_owned)]],
        };
        for (value, expected) in [
            (Some("7"), "pg_x_hits{datname=\"a\\\"b\"} 7\n"),
            (Some("t"), "pg_x_hits{datname=\"a\\\"b\"} 1\n"),
            (None, "pg_x_hits{datname=\"a\\\"b\"} NaN\n"),
        ] {
            let mut batch = Batch::new();
            TABLE.write(&rows(value), &mut batch).unwrap();
            assert_eq!(batch.to_text(), expected);
        }
        let mut batch = Batch::new();
        assert!(TABLE.write(&rows(Some("seven")), &mut batch).is_err());
    }

    #[test]
    fn versions() {
        for (text, expected) in [
            ("15.18 (Debian 15.18-0)", 15),
            ("9.6.24", 9),
            ("17beta1", 17),
        ] {
            assert_eq!(major(text).unwrap(), expected);
        }
        assert!(major("x").is_err());
    }
}
