//! What a plugin's author uses, behind `narthex plugin {new,build,test,run,bench}`.
//!
//! A project in any of five languages becomes a component with that language's own compiler;
//! all else that it takes (the contract, the bindings, the encoding as a component) is in here.
//! What was built is tried out in the real runtime: on fixtures, with servers that play recorded
//! dialogues, or on a target that is there.
//!
//! It is not: what runs components, which is `narthex-plugin`, nor what publishes them, which is
//! `narthex-registry`.

pub mod bench;
mod build;
pub mod collected;
mod component;
mod contract;
mod embedded;
mod error;
mod file;
pub mod fixture;
mod language;
pub mod leak;
pub mod live;
mod package;
pub mod player;
mod project;
pub mod record;
pub mod report;
pub mod samples;
mod scaffold;
pub mod session;
mod tool;
mod trial;

pub use build::{Built, build};
pub use error::AuthorError;
pub use language::Language;
pub use package::{BuiltPlugin, CALL_TIMEOUT_DEFAULT};
pub use project::Project;
pub use scaffold::{Scaffold, World};
pub use trial::Trial;
