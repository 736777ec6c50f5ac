//! The state of the kernel's clock, by adjtimex(2).
//!
//! It is not: a way to set the clock.

#![allow(
    unsafe_code,
    reason = "neither rustix nor nix has the call, and it fills a struct of the C library"
)]

use std::io;

use crate::bindings::plugin::clock::Timex;

/// Asks the kernel. Nothing is changed, so this needs no privilege and never blocks.
///
/// # Errors
/// The kernel does not tell: a filter of system calls may forbid it.
#[cfg(target_os = "linux")]
pub(super) fn read() -> io::Result<Timex> {
    /// The fields are 32 bits wide on some targets.
    fn wide(field: impl Into<i64>) -> i64 {
        field.into()
    }

    // Its `modes` are 0: what is there is only told.
    let mut filled = std::mem::MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: the pointer is to a whole `timex` of our own, which the call does not keep.
    let state = unsafe { libc::adjtimex(filled.as_mut_ptr()) };
    let state = u32::try_from(state).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: all fields are integers, and each was zeroed at least.
    let filled = unsafe { filled.assume_init() };
    Ok(Timex {
        state,
        status: filled.status.cast_unsigned(),
        offset: wide(filled.offset),
        frequency: wide(filled.freq),
        max_error: wide(filled.maxerror),
        estimated_error: wide(filled.esterror),
        constant: wide(filled.constant),
        precision: wide(filled.precision),
        tolerance: wide(filled.tolerance),
        tick: wide(filled.tick),
        pps_frequency: wide(filled.ppsfreq),
        pps_jitter: wide(filled.jitter),
        pps_shift: filled.shift,
        pps_stability: wide(filled.stabil),
        pps_jitter_exceeded: wide(filled.jitcnt),
        pps_calibrations: wide(filled.calcnt),
        pps_errors: wide(filled.errcnt),
        pps_stability_exceeded: wide(filled.stbcnt),
        tai: filled.tai,
    })
}

/// Other systems have no such call.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub(super) fn read() -> io::Result<Timex> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_or_says_that_it_may_not() {
        match read() {
            Ok(timex) => {
                assert!(timex.state <= 5, "{timex:?}");
                // A hundred ticks a second, give or take a tenth: the kernel allows no others.
                assert!((9_000..=11_000).contains(&timex.tick), "{timex:?}");
                assert!(timex.tolerance > 0, "{timex:?}");
            }
            Err(error) => {
                let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::Unsupported];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
        }
    }
}
