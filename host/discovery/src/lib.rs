//! Where targets come from: groups of addresses with labels.
//!
//! It is not: the place where a group becomes targets of a job; relabelling and limits are
//! `scrape`'s. Only static groups exist so far, and they need no task and no channel, so there is
//! no provider trait yet: [`static_groups`] is a function from configuration to groups.

mod group;

pub use group::{ADDRESS_LABEL, StaticConfig, TargetGroup, static_groups};
