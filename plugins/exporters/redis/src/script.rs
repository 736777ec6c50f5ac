//! A script of the operator's, run by the server, whose result becomes samples.

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error, log};

use crate::resp::{self, Reply};

/// Runs it and writes its names and values, which stand in turn in what it returns. One that
/// fails costs its family only.
pub(crate) fn write(
    script: &str,
    connection: &mut Connection,
    batch: &mut Batch,
) -> Result<(), Error> {
    let reply = resp::ask(connection, &["EVAL", script, "0"])?;
    if let Reply::Error(text) = &reply {
        log::warn("the script failed", &[("error", text)]);
    }
    let (pairs, _) = reply.elements().as_chunks::<2>();
    let mut family = batch.gauge(
        "redis_script_values",
        "What the configured script returned.",
    );
    for [name, value] in pairs {
        let number = match value {
            Reply::Text(text) => text.parse().ok(),
            other => other.as_number(),
        };
        match (name.as_text(), number) {
            (Some(name), Some(number)) => {
                family.sample(&[("key", name)], number);
            }
            _ => log::warn("the script returned what is no name with a number", &[]),
        }
    }
    Ok(())
}
