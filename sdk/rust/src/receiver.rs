//! The trait that a receiver of alerts implements, and the macro that makes it a component.

use serde::de::DeserializeOwned;

use crate::Error;
use crate::slot::{Slot, lifecycle};

pub use crate::bindings::notifier::{Alert, Notification, Outcome};

/// What delivers notifications. One instance serves one receiver of the configuration; its calls
/// never overlap.
///
/// ```
/// use narthex_sdk::{Error, Notification, Outcome, Receiver, http};
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     url: String,
/// }
///
/// struct Chat(Config);
///
/// impl Receiver for Chat {
///     type Config = Config;
///
///     fn init(config: Config) -> Result<Self, Error> {
///         Ok(Self(config))
///     }
///
///     fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
///         let text = format!("{}: {} alerts", notification.receiver, notification.alerts.len());
///         let request = http::post(&self.0.url, "text/plain", text.into_bytes());
///         Ok(Outcome::of(&http::send(&request)?))
///     }
/// }
///
/// narthex_sdk::export_receiver!(Chat);
/// ```
pub trait Receiver: Sized + 'static {
    /// The receiver's configuration. Put `deny_unknown_fields` on it.
    type Config: DeserializeOwned;

    /// Called once, before anything else.
    ///
    /// # Errors
    /// The instance is not put to work; nothing is delivered.
    fn init(config: Self::Config) -> Result<Self, Error>;

    /// Delivers one notification.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Timeout`] are tried again, any other is not.
    fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error>;

    /// Another configuration for the same receiver. Override it where state is worth keeping;
    /// false asks the host for a new instance.
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

impl Outcome {
    /// What an HTTP answer means to most web hooks: the two hundreds delivered it; 408, 429 and
    /// 5xx ask to try again, after `Retry-After` where it is in seconds; anything else is never.
    pub fn of(response: &crate::http::Response) -> Self {
        match response.status {
            200..300 => Self::Delivered,
            408 | 429 | 500.. => {
                let after = response.header("Retry-After");
                Self::Retry(after.and_then(|seconds| seconds.trim().parse().ok()))
            }
            status => Self::Rejected(format!("status {status}")),
        }
    }
}

/// Tells the world of a receiver's slot.
#[doc(hidden)]
#[derive(Debug)]
pub struct ReceiverWorld;

lifecycle!(Receiver, ReceiverWorld);

impl<R: Receiver> Slot<R, ReceiverWorld> {
    /// `notifier.notify`.
    ///
    /// # Errors
    /// What the receiver says.
    pub fn notify(&self, notification: &Notification) -> Result<Outcome, Error> {
        self.call("notify", |receiver| receiver.notify(notification))
    }
}

/// Makes the receiver the component's, once, in the crate's root. Outside of WebAssembly it
/// expands to nothing.
#[macro_export]
macro_rules! export_receiver {
    ($receiver:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::notifier;

            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::private::Slot<$receiver, $crate::private::ReceiverWorld> =
                    const { $crate::private::Slot::new() };
            }

            $crate::export_slot!(SLOT, Component);

            impl notifier::Guest for Component {
                fn notify(
                    notification: notifier::Notification,
                ) -> Result<notifier::Outcome, $crate::Error> {
                    SLOT.with(|slot| slot.notify(&notification))
                }
            }

            $crate::bindings::notifier::export_notifier!(
                Component with_types_in $crate::bindings::notifier
            );
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Host;
    use crate::{http, secrets};

    struct Hook(secrets::Secret);

    impl Receiver for Hook {
        type Config = crate::NoConfig;

        fn init(_: Self::Config) -> Result<Self, Error> {
            Ok(Self(secrets::get("hook")?))
        }

        fn notify(&mut self, notification: &Notification) -> Result<Outcome, Error> {
            let body = notification.group_key.clone().into_bytes();
            let request = http::post("http://chat/hook", "text/plain", body).bearer(&self.0);
            Ok(Outcome::of(&http::send(&request)?))
        }
    }

    fn notification() -> Notification {
        Notification {
            group_key: "{}:{job=\"a\"}".to_owned(),
            receiver: "chat".to_owned(),
            group_labels: vec![],
            common_labels: vec![],
            common_annotations: vec![],
            external_url: String::new(),
            truncated: 0,
            alerts: vec![],
        }
    }

    #[test]
    fn a_notification_is_posted_with_the_secret() {
        Host::new()
            .secret("hook", "s3")
            .response("http://chat/hook", 200, "")
            .install();
        let slot = Slot::<Hook, ReceiverWorld>::new();
        slot.init("{}").unwrap();
        assert!(matches!(
            slot.notify(&notification()),
            Ok(Outcome::Delivered)
        ));
        let sent = &Host::requests()[0];
        assert_eq!(sent.body.as_deref(), Some(b"{}:{job=\"a\"}".as_slice()));
        assert!(sent.headers.iter().any(|(_, value)| value == "Bearer s3"));
    }

    #[test]
    fn an_answer_decides_whether_it_is_tried_again() {
        for (status, after, expected) in [
            (204, None, "Outcome::Delivered"),
            (429, Some("7"), "Outcome::Retry(Some(7))"),
            (503, Some("tomorrow"), "Outcome::Retry(None)"),
            (404, None, "Outcome::Rejected(\"status 404\")"),
        ] {
            let headers = after.map(|after| ("retry-after".to_owned(), after.to_owned()));
            let response = http::Response {
                status,
                headers: headers.into_iter().collect(),
                body: vec![],
            };
            assert_eq!(format!("{:?}", Outcome::of(&response)), expected);
        }
    }
}
