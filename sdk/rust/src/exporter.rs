//! The trait that an exporter implements, and what stands between it and the component's exports.

use std::cell::RefCell;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::narthex::plugin::collector::Target;
use crate::bindings::exports::narthex::plugin::lifecycle::HealthStatus;
use crate::bindings::narthex::plugin::types::{Error, Payload};
use crate::{Batch, log};

/// An exporter. One instance serves one job; its calls never overlap.
pub trait Exporter: Sized + 'static {
    /// The job's `plugin_config`. Put `deny_unknown_fields` on it, so that a typing mistake is
    /// an error and not a default.
    type Config: DeserializeOwned;

    /// Called once, before anything else.
    ///
    /// # Errors
    /// The instance is not put to work; every scrape of the job fails with this text.
    fn init(config: Self::Config) -> Result<Self, Error>;

    /// Reads one target into the batch.
    ///
    /// # Errors
    /// The scrape failed: nothing of the batch is kept, and the target is down with this text.
    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error>;

    /// Reads one target and answers in a form of one's own: override it to hand over text or a
    /// response that stayed with the host ([`crate::http::fetch`]).
    ///
    /// # Errors
    /// As [`Self::collect`].
    fn payload(&mut self, target: &Target) -> Result<Payload, Error> {
        let mut batch = Batch::new();
        self.collect(target, &mut batch)?;
        Ok(Payload::Batch(batch.into_parts()))
    }

    /// Whether the instance can be put to work; asked once, after `init`.
    ///
    /// # Errors
    /// Why not.
    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    /// The last call of an instance that ends in peace.
    fn shutdown(&mut self) {}
}

/// The configuration of a plugin that has none: anything in `plugin_config` is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// The host and port of a target's address; brackets around an IPv6 address are taken off.
///
/// # Errors
/// The address has no port, or one that is no number.
pub fn host_and_port(address: &str) -> Result<(&str, u16), Error> {
    let fault = || Error::Config(format!("the target's address {address:?} is not host:port"));
    let (host, port) = address.rsplit_once(':').ok_or_else(fault)?;
    let port = port.parse().map_err(|_| fault())?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(host) => Ok((host, port)),
        None if host.is_empty() || host.contains(':') => Err(fault()),
        None => Ok((host, port)),
    }
}

/// Holds the one exporter of a component between the host's calls.
#[doc(hidden)]
#[derive(Debug)]
pub struct Slot<E>(RefCell<Option<E>>);

impl<E: Exporter> Slot<E> {
    /// Nothing in it yet.
    #[expect(
        clippy::new_without_default,
        reason = "made by the macro only, in a const"
    )]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// `lifecycle.init`.
    ///
    /// # Errors
    /// The configuration does not fit, or the exporter says no.
    pub fn init(&self, config: &str) -> Result<(), Error> {
        let config = serde_json::from_str(config)
            .map_err(|error| Error::Config(format!("plugin_config: {error}")))?;
        *self.0.borrow_mut() = Some(E::init(config)?);
        Ok(())
    }

    /// `lifecycle.health`.
    pub fn health(&self) -> HealthStatus {
        let health = match self.0.borrow().as_ref() {
            Some(exporter) => exporter.health(),
            None => Err("init was not called".to_owned()),
        };
        HealthStatus {
            ready: health.is_ok(),
            message: health.err().unwrap_or_default(),
        }
    }

    /// `lifecycle.shutdown`.
    pub fn shutdown(&self) {
        if let Some(mut exporter) = self.0.borrow_mut().take() {
            exporter.shutdown();
        }
    }

    /// `collector.collect`.
    ///
    /// # Errors
    /// What the exporter says.
    pub fn collect(&self, target: &Target) -> Result<Payload, Error> {
        match self.0.borrow_mut().as_mut() {
            Some(exporter) => exporter.payload(target),
            None => {
                log::error("collect came before init", &[]);
                Err(Error::Internal("init was not called".to_owned()))
            }
        }
    }
}

/// Makes the exporter the component's: `narthex_sdk::export!(MyExporter);`, once, in the crate's
/// root. Outside of WebAssembly it expands to nothing.
#[macro_export]
macro_rules! export {
    ($exporter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::exports::narthex::plugin as exports;

            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::private::Slot<$exporter> =
                    const { $crate::private::Slot::new() };
            }

            impl exports::lifecycle::Guest for Component {
                fn init(config: String) -> Result<(), $crate::Error> {
                    SLOT.with(|slot| slot.init(&config))
                }

                fn reconfigure(_: String) -> Result<bool, $crate::Error> {
                    Ok(false)
                }

                fn health() -> exports::lifecycle::HealthStatus {
                    SLOT.with(|slot| slot.health())
                }

                fn shutdown() {
                    SLOT.with(|slot| slot.shutdown());
                }
            }

            impl exports::collector::Guest for Component {
                fn collect(
                    target: exports::collector::Target,
                ) -> Result<$crate::Payload, $crate::Error> {
                    SLOT.with(|slot| slot.collect(&target))
                }
            }

            $crate::bindings::export_component!(
                Component with_types_in $crate::bindings
            );
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        step: f64,
    }

    struct Counting {
        step: f64,
        value: f64,
    }

    impl Exporter for Counting {
        type Config = Config;

        fn init(config: Config) -> Result<Self, Error> {
            Ok(Self {
                step: config.step,
                value: 0.0,
            })
        }

        fn collect(&mut self, _: &Target, batch: &mut Batch) -> Result<(), Error> {
            self.value += self.step;
            batch.counter("steps_total", "").sample(&[], self.value);
            Ok(())
        }
    }

    fn target() -> Target {
        Target {
            address: "localhost:1".into(),
            labels: vec![],
            params: vec![],
        }
    }

    #[test]
    fn an_exporter_keeps_its_state_between_calls() {
        let slot = Slot::<Counting>::new();
        assert!(slot.collect(&target()).is_err());
        assert!(!slot.health().ready);
        slot.init(r#"{"step": 2}"#).unwrap();
        assert!(slot.health().ready);
        for expected in [2.0, 4.0, 6.0] {
            match slot.collect(&target()).unwrap() {
                Payload::Batch(batch) => assert_eq!(batch.values, [expected]),
                other => panic!("{other:?}"),
            }
        }
        slot.shutdown();
        assert!(slot.collect(&target()).is_err());
    }

    #[test]
    fn a_config_that_does_not_fit_is_an_error_that_names_the_field() {
        let slot = Slot::<Counting>::new();
        match slot.init(r#"{"step": 2, "stop": 3}"#) {
            Err(Error::Config(text)) => assert!(text.contains("stop"), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_split_into_host_and_port() {
        for (address, host, port) in [
            ("localhost:6379", "localhost", 6379),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[::1]:6379", "::1", 6379),
        ] {
            assert_eq!(host_and_port(address).unwrap(), (host, port), "{address}");
        }
        for address in [
            "localhost",
            "::1",
            "::1:6379x",
            ":1",
            "a:99999",
            "fe80::1:6379",
        ] {
            assert!(host_and_port(address).is_err(), "{address}");
        }
    }
}
