//! Registries over the network: pulling, pushing, signatures, the index, and following tags.
//!
//! oci-client speaks the protocol: authentication, blobs, pushes. It reads manifests and lists of
//! tags into memory whatever their size, so those are read through `narthex-http`, whose bodies
//! end at a bound.

mod address;
mod attempt;
mod credentials;
mod error;
mod follower;
mod index;
mod registry;

pub use credentials::{Credentials, CredentialsFile};
pub use error::RegistryError;
pub use follower::{Follower, FollowerMetrics, Polled};
pub use index::{Index, IndexEntry, IndexVersion};
pub use registry::Registry;
