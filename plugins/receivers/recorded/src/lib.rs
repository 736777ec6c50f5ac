//! What Alertmanager sent, for the tests of the receivers: cases recorded by
//! `tests/conformance/receivers/record.py`, each an entry of a configuration, a notification, and
//! the requests that came of both. Texts are expanded by the engine that the host uses, with
//! default templates that are their own names.
//!
//! It is not: part of any component.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod case;
mod check;

pub use case::{Alert, Case, Request, Told, cases};
pub use check::{check, check_cases, deliver};
