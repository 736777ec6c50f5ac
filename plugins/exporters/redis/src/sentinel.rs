//! What a Sentinel knows of the primaries that it watches.

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error};

use crate::info::{Info, number, part};
use crate::resp::{self, Reply};

/// Writes what INFO says: `master0:name=a,status=ok,address=10.0.0.1:6379,slaves=1,sentinels=3`.
pub(crate) fn write_info(info: &Info, batch: &mut Batch) {
    for (rest, text) in info.with_prefix("sentinel_") {
        if let Some(value) = number(text) {
            let help = format!("Field sentinel_{rest} of INFO.");
            let name = format!("redis_sentinel_{rest}");
            batch.gauge(&name, &help).sample(&[], value);
        }
    }
    let masters: Vec<&str> = info
        .with_prefix("master")
        .filter(|(index, value)| index.parse::<u32>().is_ok() && value.contains("name="))
        .map(|(_, value)| value)
        .collect();
    for (name, key, help) in [
        (
            "redis_sentinel_master_status",
            "status",
            "The state of each primary; the value is 1 where it is ok.",
        ),
        (
            "redis_sentinel_master_slaves",
            "slaves",
            "Replicas of each primary.",
        ),
        (
            "redis_sentinel_master_sentinels",
            "sentinels",
            "Sentinels that watch each primary.",
        ),
    ] {
        let mut family = batch.gauge(name, help);
        for value in &masters {
            let text = |key| part(value, key).unwrap_or_default();
            let (name, address) = (
                ("master_name", text("name")),
                ("master_address", text("address")),
            );
            if key == "status" {
                let status = ("master_status", text("status"));
                let is_ok = f64::from(u8::from(text("status") == "ok"));
                family.sample(&[name, address, status], is_ok);
            } else if let Some(count) = part(value, key).and_then(number) {
                family.sample(&[name, address], count);
            }
        }
    }
}

/// Asks for the settings of each primary, and whether its quorum can be reached.
pub(crate) fn write_masters(connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
    let masters = ask(connection, &["SENTINEL", "MASTERS"])?;
    let text = |master: &Reply, field: &str| -> String {
        let text = master.field(field).and_then(Reply::as_text);
        text.unwrap_or_default().to_owned()
    };
    let mut known = Vec::new();
    for master in masters.elements() {
        let name = text(master, "name");
        let address = format!("{}:{}", text(master, "ip"), text(master, "port"));
        let quorum = ask(connection, &["SENTINEL", "CKQUORUM", &name])?;
        known.push((name, address, master, quorum));
    }
    let mut family = batch.gauge(
        "redis_sentinel_master_ckquorum_status",
        "Whether the quorum of each primary can be reached.",
    );
    for (name, _, _, quorum) in &known {
        let (message, is_ok) = match quorum {
            Reply::Text(text) => (text.as_str(), 1.0),
            Reply::Error(text) => (text.as_str(), 0.0),
            _ => continue,
        };
        family.sample(&[("master_name", name), ("message", message)], is_ok);
    }
    for (field, family) in [
        ("quorum", "redis_sentinel_master_setting_ckquorum"),
        (
            "failover-timeout",
            "redis_sentinel_master_setting_failover_timeout",
        ),
        (
            "parallel-syncs",
            "redis_sentinel_master_setting_parallel_syncs",
        ),
        (
            "down-after-milliseconds",
            "redis_sentinel_master_setting_down_after_milliseconds",
        ),
    ] {
        let help = format!("Setting {field} of each primary.");
        let mut family = batch.gauge(family, &help);
        for (name, address, master, _) in &known {
            if let Some(value) = number(&text(master, field)) {
                let labels = [
                    ("master_name", name.as_str()),
                    ("master_address", address.as_str()),
                ];
                family.sample(&labels, value);
            }
        }
    }
    Ok(())
}

fn ask(connection: &mut Connection, words: &[&str]) -> Result<Reply, Error> {
    let mut bytes = Vec::new();
    resp::command(&mut bytes, words);
    connection.write(&bytes)?;
    resp::read(connection)
}
