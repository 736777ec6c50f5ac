//! Blocks in an object store: S3, Google Cloud Storage, Azure Blob Storage or a folder.
//!
//! ```text
//! <prefix>/<ULID>/series.parquet ...      the files of a block
//! <prefix>/<ULID>/meta.json               written last: with it, the folder is a block
//! <prefix>/<ULID>/deletion-mark.json      the block goes after a delay
//! ```
//!
//! [`Bucket`] brings the store's blocks there as soon as they are published, reads back what it
//! wrote, and marks those in whose place a longer one stands. Blocks that are only in the bucket
//! answer queries through the same code as those on the disk, page by page, with a bounded cache
//! on the local disk ([`StretchStore`]) in between. A bucket that is down costs nothing but the
//! blocks that wait; a query that needs it fails and says so.
//!
//! [`Archive`] only reads: it answers from the blocks of many servers, for `narthex store`.
//!
//! It is not: a format. The files are those of the block crate, byte for byte.

mod access;
mod archive;
mod bucket;
mod cleaning;
mod compactor;
mod config;
mod error;
mod fence;
mod folder;
mod inventory;
mod kin;
mod leftovers;
mod mark;
mod metas;
mod metered;
mod metrics;
mod object_folder;
mod provider;
mod shipping;
mod staged;
mod stretches;

pub use archive::{Archive, ArchiveOptions, Partition, TimeBound};
pub use bucket::{Bucket, BucketOptions};
pub use compactor::{CompactError, Compactor, CompactorOptions, Report};
pub use config::{
    BucketConfig, BucketLookup, ConfigError, Encryption, EncryptionKind, HttpConfig, Provider,
    Settings, TlsConfig, Trace,
};
pub use error::BucketError;
pub use mark::{MARK_FILE, Mark, Reason};
pub use object_folder::ObjectFolder;
pub use provider::open_store;
pub use stretches::StretchStore;
