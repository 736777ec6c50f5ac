//! A receiver that never delivers: it does not come back, or it traps. For the tests of those that
//! are told beside it.

use narthex_sdk::{Error, Notification, Outcome, Receiver};
use serde::Deserialize;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether it traps; else it does not come back.
    traps: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Stuck(Config);

narthex_sdk::export_receiver!(Stuck);

impl Receiver for Stuck {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self(config))
    }

    fn notify(&mut self, _: &Notification) -> Result<Outcome, Error> {
        match self.0.traps {
            true => trap(),
            false => spin(),
        }
    }
}

#[expect(clippy::panic, reason = "this guest is there to trap")]
fn trap() -> ! {
    panic!("told to")
}

fn spin() -> ! {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_add(1));
    }
}
