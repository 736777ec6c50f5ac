//! What a Sentinel knows of the primaries that it watches.

use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error};

use crate::info::{Info, number, part};
use crate::resp::{self, Reply};

/// What a flag of a replica or a Sentinel that cannot be reached ends with: `s_down`, `o_down`.
const DOWN: &str = "_down";

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

/// A primary, and what was asked about it.
struct Master<'a> {
    info: &'a Reply,
    name: &'a str,
    address: String,
    quorum: Reply,
    sentinels: Reply,
    replicas: Reply,
}

impl<'a> Master<'a> {
    fn ask(info: &'a Reply, connection: &mut Connection) -> Result<Self, Error> {
        let name = text(info, "name");
        let mut ask = |question| resp::ask(connection, &["SENTINEL", question, name]);
        Ok(Self {
            info,
            name,
            address: format!("{}:{}", text(info, "ip"), text(info, "port")),
            quorum: ask("CKQUORUM")?,
            sentinels: ask("SENTINELS")?,
            replicas: ask("SLAVES")?,
        })
    }
}

fn text<'a>(of: &'a Reply, field: &str) -> &'a str {
    of.field(field).and_then(Reply::as_text).unwrap_or_default()
}

/// How many of them can be reached; none where the server does not tell.
fn reachable(all: &Reply) -> Option<f64> {
    let Reply::Array(all) = all else {
        return None;
    };
    let is_up = |one: &&Reply| {
        let mut flags = text(one, "flags").split(',');
        !flags.any(|flag| flag.ends_with(DOWN))
    };
    Some(all.iter().filter(is_up).count() as f64)
}

/// Asks for the settings of each primary, who can be reached, and whether that is a quorum.
pub(crate) fn write_masters(connection: &mut Connection, batch: &mut Batch) -> Result<(), Error> {
    let masters = resp::ask(connection, &["SENTINEL", "MASTERS"])?;
    let known = masters.elements().iter();
    let known = known.map(|info| Master::ask(info, connection));
    let known: Vec<Master> = known.collect::<Result<_, _>>()?;
    let mut family = batch.gauge(
        "redis_sentinel_master_ckquorum_status",
        "Whether the quorum of each primary can be reached.",
    );
    for master in &known {
        let (message, is_ok) = match &master.quorum {
            Reply::Text(text) => (text.as_str(), 1.0),
            Reply::Error(text) => (text.as_str(), 0.0),
            _ => continue,
        };
        family.sample(&[("master_name", master.name), ("message", message)], is_ok);
    }
    let mut write = |family: &str, help: &str, value: &dyn Fn(&Master) -> Option<f64>| {
        let mut family = batch.gauge(family, help);
        for master in &known {
            if let Some(value) = value(master) {
                let labels = [
                    ("master_name", master.name),
                    ("master_address", master.address.as_str()),
                ];
                family.sample(&labels, value);
            }
        }
    };
    for (field, divisor, family) in [
        ("quorum", 1.0, "redis_sentinel_master_setting_ckquorum"),
        (
            "failover-timeout",
            1.0,
            "redis_sentinel_master_setting_failover_timeout",
        ),
        (
            "parallel-syncs",
            1.0,
            "redis_sentinel_master_setting_parallel_syncs",
        ),
        (
            "down-after-milliseconds",
            1.0,
            "redis_sentinel_master_setting_down_after_milliseconds",
        ),
        ("config-epoch", 1.0, "redis_sentinel_master_config_epoch"),
        (
            "last-ok-ping-reply",
            1000.0,
            "redis_sentinel_master_last_ok_ping_reply_seconds",
        ),
    ] {
        let help = format!("Field {field} of each primary.");
        write(family, &help, &|master| {
            Some(number(text(master.info, field))? / divisor)
        });
    }
    write(
        "redis_sentinel_master_ok_sentinels",
        "Sentinels of each primary that can be reached, this one among them.",
        &|master| Some(reachable(&master.sentinels)? + 1.0),
    );
    write(
        "redis_sentinel_master_ok_slaves",
        "Replicas of each primary that can be reached.",
        &|master| reachable(&master.replicas),
    );
    Ok(())
}
