//! The files of the web application: those in the binary, or those of a folder. The application
//! itself, in TypeScript, lies in `app/`; `dist/` is what a build of it leaves.
//!
//! It is not: an HTTP server. Who asks for which path, and with which headers it is answered, is
//! the affair of the API.

mod application;
mod asset;
mod page;
#[cfg(test)]
mod tests;

pub use application::Application;
pub use asset::{ASSET_BYTES_MAX, Asset};
pub use page::{PAGES, Page};
