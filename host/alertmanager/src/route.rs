//! The routing tree: which receivers an alert goes to, and in which group.

use narthex_model::{Labels, Matcher};

use crate::matchers::accept;

/// The labels that tell groups of one route apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupBy {
    /// These, sorted. With none there is one group.
    Labels(Vec<String>),
    /// All: each alert is a group.
    All,
}

/// A node of the tree; what it does not say is its parent's.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) receiver: String,
    pub(crate) group_by: GroupBy,
    pub(crate) group_wait_ms: i64,
    pub(crate) group_interval_ms: i64,
    pub(crate) repeat_interval_ms: i64,
    pub(crate) mute_time_intervals: Vec<String>,
    pub(crate) active_time_intervals: Vec<String>,
    pub(crate) continues: bool,
    /// The matchers from the root to here: what the keys of its groups begin with.
    pub(crate) key: String,
    /// Where its children are.
    pub(crate) routes: Vec<usize>,
}

impl Route {
    /// The labels of the group that an alert belongs to.
    pub(crate) fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => labels.keep(names),
        }
    }

    /// The key of a group: it names the group in notifications and in the notification log.
    pub(crate) fn group_key(&self, group_labels: &Labels) -> String {
        format!("{}:{group_labels}", self.key)
    }
}

/// The tree, its root first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    pub(crate) fn new(nodes: Vec<Route>) -> Self {
        Self(nodes)
    }

    /// A node.
    pub(crate) fn get(&self, at: usize) -> Option<&Route> {
        self.0.get(at)
    }

    /// Where the nodes are that an alert goes to: the deepest ones that match, and more than one
    /// where a node says `continue`.
    pub(crate) fn matching(&self, labels: &Labels) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(0, labels, &mut found);
        found
    }

    /// Whether the node at a place matches; where it does, all that match in it are found.
    fn walk(&self, at: usize, labels: &Labels, found: &mut Vec<usize>) -> bool {
        let Some(node) = self.0.get(at) else {
            return false;
        };
        if !accept(&node.matchers, labels) {
            return false;
        }
        let before = found.len();
        for &child in &node.routes {
            let matches = self.walk(child, labels, found);
            if matches && self.0.get(child).is_none_or(|child| !child.continues) {
                break;
            }
        }
        if found.len() == before {
            found.push(at);
        }
        true
    }
}

#[cfg(test)]
mod tests;
