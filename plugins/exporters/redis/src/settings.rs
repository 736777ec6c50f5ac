//! The server's settings, from CONFIG GET.

use narthex_sdk::Batch;

use crate::info::number;
use crate::resp::Reply;

/// The settings that redis_exporter reports as numbers: the name in CONFIG, and the family.
pub(crate) const SETTINGS: [(&str, &str); 3] = [
    ("io-threads", "redis_config_io_threads"),
    ("maxclients", "redis_config_maxclients"),
    ("maxmemory", "redis_config_maxmemory"),
];

/// The number of an answer that has one setting: name and value in turn.
pub(crate) fn setting(reply: &Reply) -> Option<f64> {
    number(reply.elements().get(1)?.as_text()?)
}

/// Writes the answers for [`SETTINGS`]; a server that does not tell has none.
pub(crate) fn write(replies: &[Reply], batch: &mut Batch) {
    for ((_, family), reply) in SETTINGS.iter().zip(replies) {
        if let Some(value) = setting(reply) {
            batch
                .gauge(family, "A setting of the server.")
                .sample(&[], value);
        }
    }
}

/// Writes the answer that has all settings, without passwords.
pub(crate) fn write_all(reply: &Reply, batch: &mut Batch) {
    let (pairs, _) = reply.elements().as_chunks::<2>();
    let settings = pairs
        .iter()
        .filter_map(|[name, value]| Some((name.as_text()?, value.as_text()?)))
        .filter(|(name, _)| !is_password(name));
    let mut family = batch.gauge(
        "redis_config_key_value",
        "Each setting as a text; the value is always 1.",
    );
    for (name, value) in settings.clone() {
        family.sample(&[("key", name), ("value", value)], 1.0);
    }
    let mut family = batch.gauge("redis_config_value", "Each setting that is a number.");
    for (name, value) in settings {
        if let Ok(value) = value.parse() {
            family.sample(&[("key", name)], value);
        }
    }
}

/// `requirepass`, `tls-key-file-pass` and the like.
fn is_password(name: &str) -> bool {
    name.contains("pass") || name == "masterauth"
}
