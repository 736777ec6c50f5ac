//! Small blobs that outlive a call, an instance, a new version of the plugin and a restart of the
//! host. They belong to one job of one plugin.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, gate};

/// The blob under a key.
///
/// # Errors
/// The grant has no state, or the host cannot read it.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    gate::state::get(key)
}

/// Puts a blob under a key; an empty one takes the key away.
///
/// # Errors
/// The grant has no state, it is too large, or the host cannot write it.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    gate::state::set(key, value)
}

/// Takes a key away.
///
/// # Errors
/// As [`set`].
pub fn remove(key: &str) -> Result<(), Error> {
    set(key, &[])
}

/// A value that [`save`] put under a key.
///
/// # Errors
/// As [`get`]; what is there is of another shape, as after a version that wrote another.
pub fn load<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = get(key)? else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&bytes);
    value
        .map(Some)
        .map_err(|error| Error::Internal(format!("state {key}: {error}")))
}

/// Puts a value under a key, as JSON.
///
/// # Errors
/// As [`set`]; the value is none that JSON can hold.
pub fn save<T: Serialize>(key: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Error::Internal(format!("state {key}: {error}")))?;
    set(key, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Host;

    #[test]
    fn values_come_back_and_go_away() {
        Host::new().install();
        assert_eq!(load::<Vec<u32>>("seen").unwrap(), None);
        save("seen", &[1, 2]).unwrap();
        assert_eq!(load::<Vec<u32>>("seen").unwrap(), Some(vec![1, 2]));
        assert!(matches!(load::<String>("seen"), Err(Error::Internal(_))));
        remove("seen").unwrap();
        assert_eq!(get("seen").unwrap(), None);
    }
}
