//! The routing tree for people to look at: all of it, or the way that an alert takes in it.
//!
//! It is not: what routes ([`Routes`] does). The drawing is that of `amtool config routes`.

use std::sync::Arc;

use narthex_model::Labels;

use crate::config::{Config, ConfigFault};
use crate::matchers::{MatcherMode, Shown, accept};
use crate::route::{Route, Routes};

/// What amtool calls a node without matchers.
const WITHOUT_MATCHERS: &str = "default-route";

/// The tree of a config.
#[derive(Debug, Clone)]
pub struct RouteTree(Arc<Routes>);

impl Config {
    /// The tree that this config routes by.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn route_tree(&self, mode: MatcherMode) -> Result<RouteTree, Vec<ConfigFault>> {
        self.resolve(mode)
            .map(|resolved| RouteTree(resolved.routes))
    }
}

impl RouteTree {
    /// Who is told of an alert with these labels, in the order of the tree. A receiver that several
    /// routes lead to is there for each of them.
    pub fn receivers(&self, labels: &Labels) -> Vec<&str> {
        let found = self.0.matching(labels).into_iter();
        let found = found.filter_map(|at| self.0.get(at));
        found.map(|route| route.receiver.as_str()).collect()
    }

    /// Draws the whole tree, a line a node.
    pub fn drawn(&self) -> String {
        drawn(self.branch(0))
    }

    /// Draws the nodes that an alert with these labels passes; where it stays, the receiver is
    /// shown.
    pub fn drawn_for(&self, labels: &Labels) -> String {
        drawn(self.branch_for(0, labels))
    }

    fn branch(&self, at: usize) -> Option<Branch> {
        let route = self.0.get(at)?;
        let continues = if route.continues {
            "  continue: true"
        } else {
            ""
        };
        let (matchers, receiver) = (matchers(route), &route.receiver);
        let children = route.routes.iter();
        Some(Branch {
            text: format!("{matchers}{continues}  receiver: {receiver}"),
            children: children.filter_map(|&at| self.branch(at)).collect(),
        })
    }

    fn branch_for(&self, at: usize, labels: &Labels) -> Option<Branch> {
        let route = self.0.get(at)?;
        let mut branch = Branch {
            text: matchers(route),
            children: Vec::new(),
        };
        for &child in &route.routes {
            let Some(node) = self.0.get(child) else {
                continue;
            };
            if accept(&node.matchers, labels) {
                branch.children.extend(self.branch_for(child, labels));
                if !node.continues {
                    break;
                }
            }
        }
        if branch.children.is_empty() {
            branch.text += &format!("  receiver: {}", route.receiver);
        }
        Some(branch)
    }
}

fn matchers(route: &Route) -> String {
    match route.matchers.is_empty() {
        true => WITHOUT_MATCHERS.to_owned(),
        false => Shown(&route.matchers).to_string(),
    }
}

/// A line, and those that hang below it.
struct Branch {
    text: String,
    children: Vec<Branch>,
}

fn drawn(root: Option<Branch>) -> String {
    let mut text = ".\n".to_owned();
    draw(&Vec::from_iter(root), "", &mut text);
    text
}

fn draw(branches: &[Branch], indent: &str, text: &mut String) {
    for (at, branch) in branches.iter().enumerate() {
        let (edge, below) = match at + 1 == branches.len() {
            true => ("└── ", "    "),
            // The spaces that amtool's drawings have: they do not break.
            false => ("├── ", "│\u{a0}\u{a0} "),
        };
        text.push_str(&format!("{indent}{edge}{}\n", branch.text));
        draw(&branch.children, &format!("{indent}{below}"), text);
    }
}

#[cfg(test)]
mod tests;
