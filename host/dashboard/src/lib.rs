//! Dashboards in the format of Perses: what a file has to hold, those that the binary and its
//! plugins carry, and those of a folder, which are found anew whenever somebody looks.
//!
//! It is not: what draws them. The web application does that; here a panel's own settings are
//! passed on as they are written.

mod catalogue;
mod dashboard;
mod error;
mod folder;
mod frame;

pub use catalogue::{Catalogue, Detail, Entry, Packages, PluginFile, Source};
pub use dashboard::{Dashboard, Format};
pub use error::DashboardError;
pub use folder::{DASHBOARD_BYTES_MAX, DASHBOARD_FILES_MAX};
pub use frame::{LAYOUTS_MAX, NAME_CHARS_MAX, PANELS_MAX, QUERIES_MAX, VARIABLES_MAX};
