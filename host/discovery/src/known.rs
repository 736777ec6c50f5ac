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

    /// The groups that differ from those that are known, of some that are said to have changed;
    /// one without targets is gone. Of two groups of one source the later counts.
    pub fn changed(&mut self, some: Vec<TargetGroup>) -> Vec<TargetGroup> {
        let mut changed = BTreeMap::new();
        for group in some {
            changed.insert(group.source.clone(), group);
        }
        changed.retain(|source, group| match group.targets.is_empty() {
            true => self.0.remove(source).is_some(),
            false => {
                let before = self.0.insert(source.clone(), group.clone());
                before.as_ref() != Some(group)
            }
        });
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

    fn told(groups: Vec<TargetGroup>) -> Vec<String> {
        let groups = groups.into_iter().map(|group| {
            let address = group.targets.first().map(|target| &target[ADDRESS_LABEL]);
            format!("{} {}", group.source, address.map_or("0", String::as_str))
        });
        groups.collect()
    }

    #[test]
    fn of_changes_only_those_that_are_some_are_sent() {
        let mut known = KnownGroups::default();
        known.changes(vec![group("a", "1"), group("b", "1"), group("c", "1")]);
        let gone = |source: &str| TargetGroup {
            source: source.to_owned(),
            ..TargetGroup::default()
        };
        for (some, expected) in [
            (vec![], vec![]),
            (vec![group("a", "1"), group("b", "2")], vec!["b 2"]),
            (vec![gone("c"), gone("d")], vec!["c 0"]),
            (vec![gone("c")], vec![]),
            (vec![group("c", "1"), group("c", "3")], vec!["c 3"]),
        ] {
            assert_eq!(told(known.changed(some)), expected);
        }
        // What was not named is still there.
        let all = vec![group("a", "1"), group("b", "2")];
        assert_eq!(told(known.changes(all)), ["c 0"]);
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
            assert_eq!(told(known.changes(all)), expected);
        }
    }
}
