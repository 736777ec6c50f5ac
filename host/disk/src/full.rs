//! Tells a full disk from a broken one.

use std::error::Error;
use std::io;

/// Whether an error, or one that it was caused by, says that there is no room: on the disk, or
/// within what this user may write. Once there is, the same thing can be tried again.
pub fn is_full(error: &(dyn Error + 'static)) -> bool {
    let says_so = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    };
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if says_so(error) {
                return true;
            }
            // The error inside is not its own source: its source is that one's.
            next = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
            continue;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_known_through_all_that_wraps_it() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert!(is_full(&full()));
        assert!(is_full(&io::Error::other(full())));
        assert!(is_full(&io::Error::from_raw_os_error(28)));
        assert!(is_full(&io::Error::from_raw_os_error(122)));
        assert!(!is_full(&io::Error::other("no")));
        assert!(!is_full(&io::Error::from_raw_os_error(5)));
    }
}
