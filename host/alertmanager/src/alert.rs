//! An alert: its labels say which one it is, its times whether it fires.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use narthex_model::Labels;

/// The 64-bit FNV-1a hash of a label set, as Prometheus' `model.Fingerprint`. Users know it from
/// Alertmanager's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

/// The offset and the prime of FNV-1a.
const FNV_OFFSET: u64 = 14_695_981_039_346_656_037;
const FNV_PRIME: u64 = 1_099_511_628_211;

/// What stands behind each name and each value in the hash: no text has this byte.
const SEPARATOR: u8 = 0xff;

impl Fingerprint {
    /// The fingerprint of a set.
    pub fn of(labels: &Labels) -> Self {
        let mut sum = FNV_OFFSET;
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain([&SEPARATOR]) {
                sum = (sum ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
            }
        };
        for (name, value) in labels {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        Self(sum)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An alert that was posted. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Say which alert it is. At least one.
    pub labels: Labels,
    /// Say something about it; a value may be empty.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires.
    pub starts_at_ms: i64,
    /// From when on it is resolved; often in the future.
    pub ends_at_ms: i64,
    /// When it was last posted.
    pub updated_at_ms: i64,
    /// Nobody said when it ends: the end is `resolve_timeout` after it was posted.
    pub is_timeout: bool,
    /// Where it comes from; may be empty.
    pub generator_url: String,
}

impl Alert {
    /// Names it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    /// Whether it is resolved at a time.
    pub fn is_resolved(&self, now_ms: i64) -> bool {
        self.ends_at_ms <= now_ms
    }

    /// One alert of two with the same labels whose times overlap (Alertmanager `Alert.Merge`).
    pub(crate) fn merge(self, other: Self, now_ms: i64) -> Self {
        if other.updated_at_ms < self.updated_at_ms {
            return other.merge(self, now_ms);
        }
        let (older, mut newer) = (self, other);
        newer.starts_at_ms = newer.starts_at_ms.min(older.starts_at_ms);
        let ends_later = older.ends_at_ms > newer.ends_at_ms;
        let keeps_end = match newer.is_resolved(now_ms) {
            // Of two that are resolved the later end counts.
            true => older.is_resolved(now_ms),
            // An end that somebody named counts more than a timeout.
            false => !older.is_timeout,
        };
        if ends_later && keeps_end {
            newer.ends_at_ms = older.ends_at_ms;
        }
        newer
    }

    /// Whether the times of both overlap, so that they are one alert.
    pub(crate) fn overlaps(&self, old: &Self) -> bool {
        let within = |time: i64| time > old.starts_at_ms && time < old.ends_at_ms;
        within(self.ends_at_ms) || within(self.starts_at_ms)
    }
}

/// The order of alerts in a notification: by job, by instance, then fewer labels first, then
/// label by label (Alertmanager `AlertSlice`).
pub(crate) fn notification_order(one: &Labels, other: &Labels) -> Ordering {
    for name in ["job", "instance"] {
        let order = match (one.get(name), other.get(name)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    label_order(one, other)
}

/// The order of label sets: fewer labels first, then label by label (`LabelSet.Before`).
pub(crate) fn label_order(one: &Labels, other: &Labels) -> Ordering {
    one.len()
        .cmp(&other.len())
        .then_with(|| by_label(one, other))
}

/// Two sets of the same size, at the first name that either has: who lacks it comes first.
fn by_label(one: &Labels, other: &Labels) -> Ordering {
    let (mut ours, mut theirs) = (one.iter().peekable(), other.iter().peekable());
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some((our_name, our_value)), Some((their_name, their_value))) => {
                match our_name.cmp(their_name) {
                    // The other set lacks this name.
                    Ordering::Less => return Ordering::Greater,
                    Ordering::Greater => return Ordering::Less,
                    Ordering::Equal => our_value.cmp(their_value),
                }
            }
        };
        if order != Ordering::Equal {
            return order;
        }
        ours.next();
        theirs.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(starts: i64, ends: i64, updated: i64, is_timeout: bool) -> Alert {
        Alert {
            labels: Labels::from_pairs([("alertname", "a")]),
            annotations: BTreeMap::new(),
            starts_at_ms: starts,
            ends_at_ms: ends,
            updated_at_ms: updated,
            is_timeout,
            generator_url: String::new(),
        }
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "1")]);
        assert_eq!(
            Fingerprint::of(&labels).to_string(),
            fnv(b"a\xff1\xffb\xff2\xff")
        );
        // As Debian's Alertmanager 0.25 shows it.
        let labels = Labels::from_pairs([("case", "resolved"), ("n", "1")]);
        assert_eq!(Fingerprint::of(&labels).to_string(), "c2ad8308a86b8160");
        let none = Fingerprint::of(&Labels::empty());
        assert_eq!(none.to_string(), "cbf29ce484222325");
    }

    fn fnv(bytes: &[u8]) -> String {
        let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        format!("{:016x}", bytes.iter().fold(FNV_OFFSET, step))
    }

    #[test]
    fn overlapping_alerts_become_one() {
        let now = 100;
        for (old, new, starts, ends) in [
            // A later timeout moves the end.
            (alert(10, 110, 50, true), alert(20, 160, 60, true), 10, 160),
            // A named end counts more than a timeout that comes later.
            (alert(10, 200, 50, false), alert(20, 160, 60, true), 10, 200),
            // An old timeout does not.
            (alert(10, 200, 50, true), alert(20, 160, 60, false), 10, 160),
            // A resolved alert ends, whatever the timeout said.
            (alert(10, 200, 50, true), alert(20, 90, 60, false), 10, 90),
            // Of two ends in the past the later one.
            (alert(10, 95, 50, false), alert(20, 90, 60, false), 10, 95),
            // The order of arrival does not matter, the order of updates does.
            (alert(20, 90, 60, false), alert(10, 200, 50, true), 10, 90),
        ] {
            let merged = old.clone().merge(new.clone(), now);
            assert_eq!(
                (merged.starts_at_ms, merged.ends_at_ms),
                (starts, ends),
                "{old:?} {new:?}"
            );
        }
    }

    #[test]
    fn the_order_in_a_notification() {
        let sets = [
            vec![("instance", "i"), ("job", "a")],
            vec![("a", "x"), ("instance", "j"), ("job", "a")],
            vec![("job", "b")],
            vec![("instance", "i")],
            vec![("a", "2")],
            vec![("b", "0")],
            vec![("a", "1"), ("b", "0")],
        ];
        let sets: Vec<Labels> = sets.into_iter().map(Labels::from_pairs).collect();
        let mut sorted = sets.clone();
        sorted.reverse();
        sorted.sort_by(notification_order);
        let expected = [0, 1, 2, 3, 5, 4, 6].map(|at: usize| sets[at].clone());
        assert_eq!(sorted, expected);
    }
}
