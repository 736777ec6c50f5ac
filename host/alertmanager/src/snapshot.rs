//! State on the disk: one file of JSON, written beside the old one, whose name it then takes. So the
//! old or the new state is there at any moment.

use std::io;
use std::sync::Arc;

use narthex_disk::{Disk, DiskExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file may have this many bytes; a larger one is not read.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Reads a file. `None` where there is none.
///
/// # Errors
/// It cannot be read, or is not what it should be.
pub(crate) fn read<T: DeserializeOwned>(disk: &Arc<dyn Disk>, name: &str) -> io::Result<Option<T>> {
    let Some(text) = bytes(disk, name)? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The bytes of a file. `None` where there is none.
///
/// # Errors
/// It cannot be read, or is too long.
pub(crate) fn bytes(disk: &Arc<dyn Disk>, name: &str) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.len()? > FILE_BYTES_MAX {
        let text = format!("{name} has over {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    disk.read(name).map(Some)
}

/// Writes a file; when this returns it outlives a power cut.
///
/// # Errors
/// It cannot be written; the old one is there still.
pub(crate) fn write(disk: &Arc<dyn Disk>, name: &str, state: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(state).map_err(io::Error::other)?;
    let temporary = format!("{name}.tmp");
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = disk.create(&temporary)?;
    written.append(&text)?;
    written.sync()?;
    disk.rename(&temporary, name)?;
    disk.sync_folder("")
}
