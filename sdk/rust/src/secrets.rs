//! What must not be known: passwords and tokens that lie with the host under a name.
//!
//! A plugin's configuration has the name, never the text. The handle goes to [`crate::http`] and
//! [`crate::tcp`], where the host puts the text in its place.

use crate::{Error, gate};

/// A handle to a secret. It may be kept from call to call: the host reads the text anew when it
/// changes.
#[derive(Debug)]
pub struct Secret(pub(crate) gate::secrets::Secret);

impl Secret {
    /// The text itself, for protocols that compute with it. The host counts these calls.
    ///
    /// # Errors
    /// The host cannot read it.
    pub fn reveal(&self) -> Result<String, Error> {
        self.0.reveal()
    }
}

/// The secret of that name.
///
/// # Errors
/// The grant does not cover it, or the operator has none of that name.
pub fn get(name: &str) -> Result<Secret, Error> {
    gate::secrets::get(name).map(Secret)
}

/// The secret that a field of the configuration names, where it names one.
///
/// # Errors
/// As [`get`].
pub fn find(name: Option<&str>) -> Result<Option<Secret>, Error> {
    name.map(get).transpose()
}
