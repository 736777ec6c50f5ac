//! What a discoverer has said already, for those who find all groups anew each time.

use std::collections::BTreeMap;

use crate::TargetGroup;

/// The groups that were sent. Turns all groups that there are now into those that a
/// [`Discoverer`](crate::Discoverer) has to send.
#[derive(Debug, Default)]
pub struct KnownGroups(BTreeMap<String, TargetGroup>);

impl KnownGroups {
    /// The groups that differ from those of the last call, by source; those that are gone are
    /// among them, without targets. Of two groups of one source the later counts.
    pub fn changes(&mut self, all: Vec<TargetGroup>) -> Vec<TargetGroup> {
        let mut before = std::mem::take(&mut self.0);
        let mut changed = BTreeMap::new();
        for group in all {
            self.0.insert(group.source.clone(), group);
        }
        for (source, group) in &self.0 {
            if before.remove(source).as_ref() != Some(group) {
                changed.insert(source.clone(), group.clone());
            }
        }
        for source in before.into_keys() {
            let gone = TargetGroup {
                source: source.clone(),
                ..TargetGroup::default()
            };
            changed.insert(source, gone);
        }
        changed.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ADDRESS_LABEL;

    fn group(source: &str, address: &str) -> TargetGroup {
        let target = BTreeMap::from([(ADDRESS_LABEL.to_owned(), address.to_owned())]);
        TargetGroup {
            source: source.to_owned(),
            targets: vec![target],
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn only_what_changed_is_sent() {
        let mut known = KnownGroups::default();
        for (all, expected) in [
            (vec![], vec![]),
            (vec![group("b", "1"), group("a", "1")], vec!["a 1", "b 1"]),
            (vec![group("a", "1"), group("b", "1")], vec![]),
            (vec![group("a", "2"), group("b", "1")], vec!["a 2"]),
            (vec![group("c", "1"), group("a", "2")], vec!["b 0", "c 1"]),
            (vec![group("c", "1"), group("c", "3")], vec!["a 0", "c 3"]),
            (vec![], vec!["c 0"]),
        ] {
            let changes = known.changes(all).into_iter().map(|group| {
                let address = group.targets.first().map(|target| &target[ADDRESS_LABEL]);
                let address = address.map_or("0", String::as_str);
                format!("{} {address}", group.source)
            });
            assert_eq!(changes.collect::<Vec<_>>(), expected);
        }
    }
}
