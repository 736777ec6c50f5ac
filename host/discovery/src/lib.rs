//! Where targets come from: groups of addresses with labels.
//!
//! It is not: the place where a group becomes targets of a job; relabelling and limits are
//! `scrape`'s. Static groups need no task and no channel: [`static_groups`] is a function from
//! configuration to groups. Whoever finds groups while the server runs is a [`Discoverer`].

mod discoverer;
mod group;
mod known;

pub use discoverer::{Discoverer, UPDATES_MAX};
pub use group::{ADDRESS_LABEL, StaticConfig, TargetGroup, static_groups};
pub use known::KnownGroups;
