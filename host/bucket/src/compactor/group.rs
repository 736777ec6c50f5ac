//! Which blocks belong together: those of one server, of one resolution. Only they become one.

use std::collections::BTreeMap;
use std::fmt;

use narthex_block::BlockMeta;

/// The samples themselves.
pub(crate) const RAW_MS: i64 = 0;

/// Windows of five minutes.
pub(crate) const FIVE_MINUTES_MS: i64 = 300_000;

/// Windows of an hour.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Every resolution that is made, from the finest on, and what metrics call it: as in Thanos, its
/// milliseconds.
pub(crate) const RESOLUTIONS: [(i64, &str); 3] = [
    (RAW_MS, "0"),
    (FIVE_MINUTES_MS, "300000"),
    (HOUR_MS, "3600000"),
];

/// The labels that a server gave to its blocks, and a resolution. Blocks without labels are a
/// group of their own: those of whoever has the bucket for himself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) resolution_ms: i64,
}

impl Group {
    pub(crate) fn of(meta: &BlockMeta) -> Self {
        Self {
            labels: meta.labels.clone(),
            resolution_ms: meta.resolution_ms,
        }
    }

    /// What the lease of the group is called. Two groups of one name wait for each other and lose
    /// nothing by it.
    pub(crate) fn key(&self) -> String {
        let labels = serde_json::to_vec(&self.labels).unwrap_or_default();
        format!("{:08x}-{}", crc32c::crc32c(&labels), self.resolution_ms)
    }

    /// The group of what is made of these blocks by downsampling.
    pub(crate) fn coarser(&self) -> Option<Self> {
        let resolution_ms = match self.resolution_ms {
            RAW_MS => FIVE_MINUTES_MS,
            FIVE_MINUTES_MS => HOUR_MS,
            _ => return None,
        };
        Some(Self {
            labels: self.labels.clone(),
            resolution_ms,
        })
    }

    /// What metrics call the resolution.
    pub(crate) fn resolution(&self) -> &'static str {
        resolution(self.resolution_ms)
    }
}

/// What metrics call a resolution.
pub(crate) fn resolution(resolution_ms: i64) -> &'static str {
    let mut known = RESOLUTIONS.iter();
    let found = known.find(|(ms, _)| *ms == resolution_ms);
    found.map_or("other", |(_, name)| name)
}

/// As in `{cluster="a"} at 300000 ms`.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        write!(f, "{{{}}}", labels.join(","))?;
        match self.resolution_ms {
            RAW_MS => Ok(()),
            resolution_ms => write!(f, " at {resolution_ms} ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_names_of_their_own_and_grow_coarser() {
        let labels = |value: &str| BTreeMap::from([("cluster".to_owned(), value.to_owned())]);
        let raw = Group {
            labels: labels("a"),
            resolution_ms: RAW_MS,
        };
        let other = Group {
            labels: labels("b"),
            ..raw.clone()
        };
        let five = raw.coarser().unwrap();
        let hour = five.coarser().unwrap();
        assert_eq!(hour.coarser(), None);
        assert_eq!(raw.to_string(), "{cluster=\"a\"}");
        assert_eq!(hour.to_string(), "{cluster=\"a\"} at 3600000 ms");
        assert_eq!(hour.resolution(), "3600000");
        let keys = [&raw, &other, &five, &hour].map(Group::key);
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), 4, "{keys:?}");
    }
}
