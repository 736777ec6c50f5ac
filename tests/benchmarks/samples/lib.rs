//! The samples in Rust.

use narthex_sdk::{Batch, Error, Exporter, Target};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    count: u32,
}

pub struct Samples(u32);

narthex_sdk::export!(Samples);

impl Exporter for Samples {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self(config.count))
    }

    fn collect(&mut self, _: &Target, batch: &mut Batch) -> Result<(), Error> {
        batch
            .gauge("samples_info", "What they are written in.")
            .sample(&[("language", "rust")], 1.0);
        let mut family = batch.counter("samples_requests_total", "Requests.");
        for number in 0..self.0 {
            let path = format!("/api/v1/path/{number}");
            let labels = [("code", "200"), ("method", "get"), ("path", path.as_str())];
            family.sample(&labels, f64::from(number) + 0.5);
        }
        Ok(())
    }
}
