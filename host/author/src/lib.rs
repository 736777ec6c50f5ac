//! What a plugin's author uses, behind `narthex plugin {new,build}`.
//!
//! A project in any of five languages becomes a component with that language's own compiler;
//! all else that it takes (the contract, the bindings, the encoding as a component) is in here.
//!
//! It is not: what runs components, which is `narthex-plugin`, nor what publishes them, which is
//! `narthex-registry`.

mod build;
mod component;
mod contract;
mod embedded;
mod error;
mod file;
mod language;
mod project;
mod scaffold;
mod tool;

pub use build::{Built, build};
pub use error::AuthorError;
pub use language::Language;
pub use project::Project;
pub use scaffold::{Scaffold, World};
