//! What the plugin that delivers for an entry of a receiver is given: what the entry lends, and texts
//! that are expanded with the notification.
//!
//! It is not: who finds the plugin (`alertmanager`), nor what an entry may say
//! (`narthex-alertmanager`).

mod lent;
mod texts;

pub(crate) use lent::lent;
pub(crate) use texts::NotificationTexts;
