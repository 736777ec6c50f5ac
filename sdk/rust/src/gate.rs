//! The one place that knows whether the host is real: inside a component its imports, elsewhere
//! the fake host of the running test.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::narthex::plugin::{clock, files, http, log, tcp};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::fake::{clock, files, http, log, tcp};
