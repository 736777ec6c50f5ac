//! Numbers in the kernel's texts.

use narthex_sdk::Error;

/// The number in a field that must be there.
pub(crate) fn number(field: Option<&str>, what: &str) -> Result<f64, Error> {
    let text = field.ok_or_else(|| Error::Protocol(format!("{what} is missing")))?;
    text.parse()
        .map_err(|_| Error::Protocol(format!("{what}: {text:?} is not a number")))
}
