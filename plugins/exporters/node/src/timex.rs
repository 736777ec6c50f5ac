//! How the kernel disciplines the clock.

use narthex_sdk::{Batch, Error, clock};

use crate::Machine;

/// Microseconds in a second.
const MICROSECONDS: f64 = 1e6;

/// The kernel counts frequencies in millionths, shifted by 16 bits.
const FREQUENCY_UNITS: f64 = 1e6 * 65536.0;

/// Reads and writes the state of the kernel's clock.
pub(crate) fn collect(_: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let timex = clock::discipline()?;
    let units = timex.units_per_second();
    for (name, help, value) in [
        (
            "sync_status",
            "Whether the clock is synchronized to a reliable one.",
            f64::from(u8::from(timex.is_synchronized())),
        ),
        (
            "offset_seconds",
            "How far the clock is from its reference.",
            timex.offset as f64 / units,
        ),
        (
            "frequency_adjustment_ratio",
            "How much faster than by itself the clock runs.",
            1.0 + timex.frequency as f64 / FREQUENCY_UNITS,
        ),
        (
            "maxerror_seconds",
            "The most that the clock can be wrong.",
            timex.max_error as f64 / MICROSECONDS,
        ),
        (
            "estimated_error_seconds",
            "How much the clock is likely to be wrong.",
            timex.estimated_error as f64 / MICROSECONDS,
        ),
        (
            "status",
            "The status bits of adjtimex.",
            f64::from(timex.status),
        ),
        (
            "loop_time_constant",
            "The time constant of the phase-locked loop.",
            timex.constant as f64,
        ),
        (
            "tick_seconds",
            "Time between two ticks of the clock.",
            timex.tick as f64 / MICROSECONDS,
        ),
        (
            "pps_frequency_hertz",
            "The frequency of the pulse per second.",
            timex.pps_frequency as f64 / FREQUENCY_UNITS,
        ),
        (
            "pps_jitter_seconds",
            "The jitter of the pulse per second.",
            timex.pps_jitter as f64 / units,
        ),
        (
            // The kernel's number is an exponent; the name is node_exporter's.
            "pps_shift_seconds",
            "How long the pulse per second is measured at a time, as an exponent of two.",
            f64::from(timex.pps_shift),
        ),
        (
            "pps_stability_hertz",
            "How much the frequency of the pulse per second changes.",
            timex.pps_stability as f64 / FREQUENCY_UNITS,
        ),
        (
            "tai_offset_seconds",
            "How far international atomic time is ahead of UTC.",
            f64::from(timex.tai),
        ),
    ] {
        let name = format!("node_timex_{name}");
        batch.gauge(&name, help).sample(&[], value);
    }
    for (name, help, count) in [
        (
            "jitter",
            "How often the jitter was too large.",
            timex.pps_jitter_exceeded,
        ),
        (
            "calibration",
            "How often the pulse per second was measured.",
            timex.pps_calibrations,
        ),
        (
            "error",
            "How many measurements of the pulse per second failed.",
            timex.pps_errors,
        ),
        (
            "stability_exceeded",
            "How often the pulse per second was not stable enough.",
            timex.pps_stability_exceeded,
        ),
    ] {
        let name = format!("node_timex_pps_{name}_total");
        batch.counter(&name, help).sample(&[], count as f64);
    }
    Ok(())
}
