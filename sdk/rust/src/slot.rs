//! What stands between a component's exports and the plugin: the one instance of its type, and
//! the calls that every world has.

use std::cell::RefCell;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, log};

/// The configuration of a plugin that has none: anything in `plugin_config` is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// What the traits of all worlds have in common; `W` tells the world, so that each can say so of
/// every type that implements its trait.
pub trait Lifecycle<W>: Sized + 'static {
    /// What the operator wrote.
    type Config: DeserializeOwned;

    /// Makes the plugin.
    ///
    /// # Errors
    /// It cannot be put to work.
    fn init(config: Self::Config) -> Result<Self, Error>;

    /// Takes another configuration, or asks for a new instance.
    ///
    /// # Errors
    /// The configuration is wrong.
    fn reconfigure(&mut self, config: Self::Config) -> Result<bool, Error>;

    /// Whether it can be put to work.
    ///
    /// # Errors
    /// Why not.
    fn health(&self) -> Result<(), String>;

    /// The last call.
    fn shutdown(&mut self);
}

/// Says that a world's trait has all of [`Lifecycle`], under the same names.
macro_rules! lifecycle {
    ($plugin:ident, $world:ty) => {
        impl<P: $plugin> $crate::slot::Lifecycle<$world> for P {
            type Config = P::Config;

            fn init(config: P::Config) -> Result<Self, $crate::Error> {
                P::init(config)
            }

            fn reconfigure(&mut self, config: P::Config) -> Result<bool, $crate::Error> {
                P::reconfigure(self, config)
            }

            fn health(&self) -> Result<(), String> {
                P::health(self)
            }

            fn shutdown(&mut self) {
                P::shutdown(self);
            }
        }
    };
}

pub(crate) use lifecycle;

/// Holds the one plugin of a component between the host's calls.
#[derive(Debug)]
pub struct Slot<P, W>(RefCell<Option<P>>, PhantomData<W>);

impl<P: Lifecycle<W>, W> Slot<P, W> {
    /// Nothing in it yet.
    #[expect(
        clippy::new_without_default,
        reason = "made by the macros only, in a const"
    )]
    pub const fn new() -> Self {
        Self(RefCell::new(None), PhantomData)
    }

    /// `lifecycle.init`.
    ///
    /// # Errors
    /// The configuration does not fit, or the plugin says no.
    pub fn init(&self, config: &str) -> Result<(), Error> {
        *self.0.borrow_mut() = Some(P::init(read(config)?)?);
        Ok(())
    }

    /// `lifecycle.reconfigure`.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn reconfigure(&self, config: &str) -> Result<bool, Error> {
        let config = read(config)?;
        self.call("reconfigure", |plugin| plugin.reconfigure(config))
    }

    /// `lifecycle.health`: nothing where it is ready, else why it is not.
    pub fn health(&self) -> Option<String> {
        match self.0.borrow().as_ref() {
            Some(plugin) => plugin.health().err(),
            None => Some("init was not called".to_owned()),
        }
    }

    /// `lifecycle.shutdown`.
    pub fn shutdown(&self) {
        if let Some(mut plugin) = self.0.borrow_mut().take() {
            plugin.shutdown();
        }
    }

    /// Any other export.
    ///
    /// # Errors
    /// What the plugin says, or that `init` was not called.
    pub fn call<T>(
        &self,
        name: &str,
        call: impl FnOnce(&mut P) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.0.borrow_mut().as_mut() {
            Some(plugin) => call(plugin),
            None => {
                log::error("a call came before init", &[("call", name)]);
                Err(Error::Internal("init was not called".to_owned()))
            }
        }
    }
}

fn read<T: DeserializeOwned>(config: &str) -> Result<T, Error> {
    serde_json::from_str(config).map_err(|error| Error::Config(format!("plugin_config: {error}")))
}

/// The `lifecycle` exports of a component, from the slot of that name; the worlds' own macros use
/// it.
#[doc(hidden)]
#[macro_export]
macro_rules! export_slot {
    ($slot:ident, $component:ident) => {
        impl $crate::bindings::lifecycle::Guest for $component {
            fn init(config: String) -> Result<(), $crate::Error> {
                $slot.with(|slot| slot.init(&config))
            }

            fn reconfigure(config: String) -> Result<bool, $crate::Error> {
                $slot.with(|slot| slot.reconfigure(&config))
            }

            fn health() -> $crate::bindings::lifecycle::HealthStatus {
                let fault = $slot.with(|slot| slot.health());
                $crate::bindings::lifecycle::HealthStatus {
                    ready: fault.is_none(),
                    message: fault.unwrap_or_default(),
                }
            }

            fn shutdown() {
                $slot.with(|slot| slot.shutdown());
            }
        }

        $crate::bindings::lifecycle::export_lifecycle!(
            $component with_types_in $crate::bindings::lifecycle
        );
    };
}
