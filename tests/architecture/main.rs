//! The shape of the workspace, held as tables: what a crate may name is decided here first.

mod edges;
mod layout;
mod workspace;
