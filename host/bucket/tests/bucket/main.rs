//! Buckets: against a store that fails, stalls and truncates, against a real S3 server, and what
//! a query reads.

mod fixture;
mod life;
mod reach;
mod s3;
mod seeds;
mod toxic;
