//! Echo requests.

use std::time::Duration;

use narthex_sdk::{Batch, icmp};

use crate::address::{Address, Preference, split};
use crate::config;
use crate::failure::Failure;

/// The prober.
pub(crate) struct Prober {
    preference: Preference,
    payload_bytes: u16,
}

impl Prober {
    pub(crate) fn new(config: &config::Icmp) -> Self {
        Self {
            preference: Preference {
                protocol: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
            },
            payload_bytes: config.payload_size,
        }
    }

    pub(crate) fn probe(
        &self,
        target: &str,
        address: &mut Address,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let (mut resolve, mut trip) = (Duration::ZERO, Duration::ZERO);
        let result = self.run(target, address, &mut resolve, &mut trip);
        let mut family = batch.gauge(
            "probe_icmp_duration_seconds",
            "How long each phase of the echo request took.",
        );
        for (phase, taken) in [
            ("resolve", resolve),
            ("setup", Duration::ZERO),
            ("rtt", trip),
        ] {
            family.sample(&[("phase", phase)], taken.as_secs_f64());
        }
        result
    }

    fn run(
        &self,
        target: &str,
        address: &mut Address,
        resolve: &mut Duration,
        trip: &mut Duration,
    ) -> Result<(), Failure> {
        let (host, _) = split(target)?;
        *resolve = address.find(host, self.preference)?;
        let reply = icmp::ping(host, self.payload_bytes)?;
        *trip = reply.time();
        address.connected(&reply.address, self.preference)
    }
}
