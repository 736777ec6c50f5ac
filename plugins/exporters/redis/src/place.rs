//! Where a key is: a database, and the key or a pattern of keys in it.

/// A database, and a key or a pattern in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the database.
    pub(crate) database: String,
    /// The key or the pattern.
    pub(crate) key: String,
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
        let database = database.parse::<u32>().ok()?.to_string();
        (!key.is_empty()).then(|| Self {
            database,
            key: key.to_owned(),
        })
    }

    /// Whether it stands for the keys that match, and not for one key.
    pub(crate) fn is_pattern(&self) -> bool {
        self.key.contains(['*', '?', '['])
    }

    /// The database as it is written in labels.
    pub(crate) fn label(&self) -> String {
        format!("db{}", self.database)
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
            ("db07=a", place("7", "a")),
            ("a:*", place("0", "a:*")),
            ("dbx=a", None),
            ("db0=", None),
            ("", None),
        ] {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
    }
}
