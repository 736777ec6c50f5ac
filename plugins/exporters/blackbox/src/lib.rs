//! Probes of what answers over HTTP, TCP, DNS or ICMP, configured in blackbox_exporter's words and
//! written under its names. A job holds one module; its targets are what is probed.
//!
//! A probe that fails is a sample (`probe_success 0`) and no failed scrape: the other side is
//! down, not the prober. What the operator has to mend (a grant, a profile, an expression) is an
//! error.
//!
//! It is not: a client of HTTP/2, of gRPC, or of proxies.

mod address;
mod certificate;
mod config;
mod dns;
mod expression;
mod failure;
mod http;
mod icmp;
mod tcp;
mod time;
mod tls;

use std::time::Duration;

use narthex_sdk::{Batch, Error, Exporter, Target, clock, log};

use address::Address;
use failure::Failure;

pub use config::Config;

/// The job's parameter that names what is probed, where it is not the target's address.
const TARGET_PARAM: &str = "target";

/// The exporter.
pub struct Blackbox {
    timeout: Option<Duration>,
    prober: Prober,
}

enum Prober {
    Http(http::Prober),
    Tcp(tcp::Prober),
    Dns(dns::Prober),
    Icmp(icmp::Prober),
}

narthex_sdk::export!(Blackbox);

impl Exporter for Blackbox {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let prober = match config.prober {
            config::Kind::Http => Prober::Http(http::Prober::new(config.http)?),
            config::Kind::Tcp => Prober::Tcp(tcp::Prober::new(config.tcp)?),
            config::Kind::Dns => Prober::Dns(dns::Prober::new(config.dns)?),
            config::Kind::Icmp => Prober::Icmp(icmp::Prober::new(&config.icmp)),
        };
        Ok(Self {
            timeout: config.timeout,
            prober,
        })
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        let mut params = target.params.iter();
        let named = params.find(|(name, _)| name == TARGET_PARAM);
        let probed = named.map_or(&target.address, |(_, value)| value);

        let start = clock::monotonic();
        let mut address = Address::default();
        let result = match &self.prober {
            Prober::Http(prober) => prober.probe(probed, &mut address, batch),
            Prober::Tcp(prober) => prober.probe(probed, &mut address, batch),
            Prober::Dns(prober) => prober.probe(probed, &mut address, batch),
            Prober::Icmp(prober) => prober.probe(probed, &mut address, batch),
        };
        let taken = clock::monotonic().saturating_sub(start);
        let result = match self.timeout {
            Some(timeout) if result.is_ok() && taken > timeout => {
                let text = format!("it took {taken:?}, and timeout is {timeout:?}");
                Err(Failure::Check(text))
            }
            _ => result,
        };
        address.write(batch);
        let succeeded = match result {
            Ok(()) => true,
            Err(failure) => {
                let reason = failure.into_reason()?;
                let fields = [("target", probed.as_str()), ("reason", &reason)];
                log::info("the probe failed", &fields);
                false
            }
        };
        let gauges = [
            (
                "probe_duration_seconds",
                "How long the probe took.",
                taken.as_secs_f64(),
            ),
            (
                "probe_success",
                "Whether the probe was a success.",
                f64::from(u8::from(succeeded)),
            ),
        ];
        for (name, help, value) in gauges {
            batch.gauge(name, help).sample(&[], value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
