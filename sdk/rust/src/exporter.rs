//! The trait that an exporter implements, and the macro that makes it a component.

use serde::de::DeserializeOwned;

use crate::bindings::collector::Target;
use crate::bindings::narthex::plugin::types::Payload;
use crate::slot::{Slot, lifecycle};
use crate::{Batch, Error};

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
    /// response that stayed with the host ([`crate::http::fetch`]), and fall back on
    /// [`Self::collected`] where only some configurations do.
    ///
    /// # Errors
    /// As [`Self::collect`].
    fn payload(&mut self, target: &Target) -> Result<Payload, Error> {
        self.collected(target)
    }

    /// What [`Self::collect`] writes, as an answer. There is no reason to override it.
    ///
    /// # Errors
    /// As [`Self::collect`].
    fn collected(&mut self, target: &Target) -> Result<Payload, Error> {
        let mut batch = Batch::new();
        self.collect(target, &mut batch)?;
        Ok(Payload::Batch(batch.into_parts()))
    }

    /// Another configuration for the same job. Override it where state is worth keeping; false
    /// asks the host for a new instance.
    ///
    /// # Errors
    /// The configuration is wrong: the old one stays.
    fn reconfigure(&mut self, _config: Self::Config) -> Result<bool, Error> {
        Ok(false)
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

/// Tells the world of an exporter's slot.
#[doc(hidden)]
#[derive(Debug)]
pub struct ExporterWorld;

lifecycle!(Exporter, ExporterWorld);

impl<E: Exporter> Slot<E, ExporterWorld> {
    /// `collector.collect`.
    ///
    /// # Errors
    /// What the exporter says.
    pub fn collect(&self, target: &Target) -> Result<Payload, Error> {
        self.call("collect", |exporter| exporter.payload(target))
    }
}

/// Makes the exporter the component's: `narthex_sdk::export!(MyExporter);`, once, in the crate's
/// root. Outside of WebAssembly it expands to nothing.
#[macro_export]
macro_rules! export {
    ($exporter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::collector;

            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::private::Slot<$exporter, $crate::private::ExporterWorld> =
                    const { $crate::private::Slot::new() };
            }

            $crate::export_slot!(SLOT, Component);

            impl collector::Guest for Component {
                fn collect(target: collector::Target) -> Result<$crate::Payload, $crate::Error> {
                    SLOT.with(|slot| slot.collect(&target))
                }
            }

            $crate::bindings::collector::export_collector!(
                Component with_types_in $crate::bindings::collector
            );
        };
    };
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

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

        fn reconfigure(&mut self, config: Config) -> Result<bool, Error> {
            self.step = config.step;
            Ok(true)
        }
    }

    struct Silent;

    impl Exporter for Silent {
        type Config = crate::NoConfig;

        fn init(_: crate::NoConfig) -> Result<Self, Error> {
            Ok(Self)
        }

        fn collect(&mut self, _: &Target, _: &mut Batch) -> Result<(), Error> {
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

    fn values(slot: &Slot<Counting, ExporterWorld>) -> Vec<f64> {
        match slot.collect(&target()).unwrap() {
            Payload::Batch(batch) => batch.values,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_exporter_keeps_its_state_between_calls() {
        let slot = Slot::<Counting, ExporterWorld>::new();
        assert!(slot.collect(&target()).is_err());
        assert!(slot.health().is_some());
        slot.init(r#"{"step": 2}"#).unwrap();
        assert_eq!(slot.health(), None);
        for expected in [2.0, 4.0, 6.0] {
            assert_eq!(values(&slot), [expected]);
        }
        slot.shutdown();
        assert!(slot.collect(&target()).is_err());
    }

    #[test]
    fn one_that_takes_another_configuration_keeps_its_state() {
        let slot = Slot::<Counting, ExporterWorld>::new();
        slot.init(r#"{"step": 2}"#).unwrap();
        assert_eq!(values(&slot), [2.0]);
        assert!(slot.reconfigure(r#"{"step": 10}"#).unwrap());
        assert_eq!(values(&slot), [12.0]);
        assert!(slot.reconfigure(r#"{"stop": 10}"#).is_err());
        assert_eq!(values(&slot), [22.0]);
    }

    #[test]
    fn one_that_says_nothing_asks_for_a_new_instance() {
        let slot = Slot::<Silent, ExporterWorld>::new();
        slot.init("{}").unwrap();
        assert!(!slot.reconfigure("{}").unwrap());
    }

    #[test]
    fn a_config_that_does_not_fit_is_an_error_that_names_the_field() {
        let slot = Slot::<Counting, ExporterWorld>::new();
        match slot.init(r#"{"step": 2, "stop": 3}"#) {
            Err(Error::Config(text)) => assert!(text.contains("stop"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
