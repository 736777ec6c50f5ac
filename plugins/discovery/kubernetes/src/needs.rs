//! Which group needs which other object, so that a change of one makes the right groups anew.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An object that a group needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    Job(Rc<str>),
    Namespace(Rc<str>),
    Node(Rc<str>),
    Pod(Rc<str>),
    ReplicaSet(Rc<str>),
    Service(Rc<str>),
}

impl Need {
    pub(crate) fn job(key: &str) -> Self {
        Self::Job(key.into())
    }

    pub(crate) fn namespace(name: &str) -> Self {
        Self::Namespace(name.into())
    }

    pub(crate) fn node(name: &str) -> Self {
        Self::Node(name.into())
    }

    pub(crate) fn pod(key: &str) -> Self {
        Self::Pod(key.into())
    }

    pub(crate) fn replica_set(key: &str) -> Self {
        Self::ReplicaSet(key.into())
    }

    pub(crate) fn service(key: &str) -> Self {
        Self::Service(key.into())
    }
}

/// All needs, both ways.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    of: BTreeMap<Rc<str>, Vec<Need>>,
    by: BTreeMap<Need, BTreeSet<Rc<str>>>,
}

impl Needs {
    /// A group needs these, and nothing else.
    pub(crate) fn set(&mut self, key: &Rc<str>, mut needs: Vec<Need>) {
        needs.sort();
        needs.dedup();
        let before = match needs.is_empty() {
            true => self.of.remove(key),
            false => self.of.insert(key.clone(), needs.clone()),
        };
        let before = before.unwrap_or_default();
        for need in before.iter().filter(|need| !needs.contains(need)) {
            if let Some(keys) = self.by.get_mut(need) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by.remove(need);
                }
            }
        }
        for need in needs {
            self.by.entry(need).or_default().insert(key.clone());
        }
    }

    /// The groups that need it.
    pub(crate) fn who_need(&self, need: &Need) -> impl Iterator<Item = Rc<str>> {
        self.by.get(need).into_iter().flatten().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_forgotten_with_their_group() {
        let mut needs = Needs::default();
        let who = |needs: &Needs, need: &Need| {
            let keys = needs.who_need(need).map(|key| key.to_string());
            keys.collect::<Vec<_>>()
        };
        let (a, b): (Rc<str>, Rc<str>) = ("x/a".into(), "x/b".into());
        let (pod, node) = (Need::pod("x/p"), Need::node("n"));
        needs.set(&a, vec![pod.clone(), node.clone(), pod.clone()]);
        needs.set(&b, vec![pod.clone()]);
        assert_eq!(who(&needs, &pod), ["x/a", "x/b"]);
        assert_eq!(who(&needs, &node), ["x/a"]);
        needs.set(&a, vec![pod.clone()]);
        assert_eq!(who(&needs, &node), [""; 0]);
        needs.set(&a, vec![]);
        needs.set(&b, vec![]);
        assert!(needs.of.is_empty() && needs.by.is_empty());
    }
}
