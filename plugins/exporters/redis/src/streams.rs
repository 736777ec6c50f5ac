//! Streams that the configuration names, with their groups and consumers.

use narthex_sdk::{Batch, Error};

use crate::place::Place;
use crate::reader::Reader;
use crate::resp::Reply;

/// So many groups of one stream are looked at; the others are left out.
const GROUPS_MAX: usize = 1000;

/// So many consumers of one group are reported; the others are left out.
const CONSUMERS_MAX: usize = 1000;

/// Field of an answer, family and help.
type Family = (&'static str, &'static str, &'static str);

const STREAM: [Family; 8] = [
    ("length", "redis_stream_length", "Entries of each stream."),
    (
        "groups",
        "redis_stream_groups",
        "Groups of consumers of each stream.",
    ),
    (
        "radix-tree-keys",
        "redis_stream_radix_tree_keys",
        "Keys of each stream's tree.",
    ),
    (
        "radix-tree-nodes",
        "redis_stream_radix_tree_nodes",
        "Nodes of each stream's tree.",
    ),
    (
        "last-generated-id",
        "redis_stream_last_generated_id",
        "The newest id that each stream gave, in milliseconds.",
    ),
    (
        "max-deleted-entry-id",
        "redis_stream_max_deleted_entry_id",
        "The newest id that was deleted from each stream, in milliseconds.",
    ),
    (
        "first-entry",
        "redis_stream_first_entry_id",
        "The id of each stream's first entry, in milliseconds.",
    ),
    (
        "last-entry",
        "redis_stream_last_entry_id",
        "The id of each stream's last entry, in milliseconds.",
    ),
];

const GROUP: [Family; 5] = [
    (
        "consumers",
        "redis_stream_group_consumers",
        "Consumers of each group.",
    ),
    (
        "pending",
        "redis_stream_group_messages_pending",
        "Entries that a group was given and has not acknowledged.",
    ),
    (
        "last-delivered-id",
        "redis_stream_group_last_delivered_id",
        "The newest id that each group was given, in milliseconds.",
    ),
    (
        "entries-read",
        "redis_stream_group_entries_read",
        "Entries that each group was given so far.",
    ),
    (
        "lag",
        "redis_stream_group_lag",
        "Entries of the stream that each group was not given yet.",
    ),
];

/// A stream, and what the server says of it.
struct Stream {
    database: String,
    key: String,
    info: Reply,
    groups: Vec<Group>,
}

/// A group of consumers.
struct Group {
    name: String,
    info: Reply,
    consumers: Vec<Reply>,
}

impl Stream {
    /// Asks for one. None: there is no such stream.
    fn read(reader: &mut Reader, place: &Place, key: String) -> Result<Option<Self>, Error> {
        let info = reader.ask(&["XINFO", "STREAM", &key])?;
        if info.elements().is_empty() {
            return Ok(None);
        }
        let mut groups = Vec::new();
        if let Reply::Array(found) = reader.ask(&["XINFO", "GROUPS", &key])? {
            for info in found.into_iter().take(GROUPS_MAX) {
                let Some(name) = name(&info).map(str::to_owned) else {
                    continue;
                };
                let consumers = match reader.ask(&["XINFO", "CONSUMERS", &key, &name])? {
                    Reply::Array(mut consumers) => {
                        consumers.truncate(CONSUMERS_MAX);
                        consumers
                    }
                    _ => Vec::new(),
                };
                groups.push(Group {
                    name,
                    info,
                    consumers,
                });
            }
        }
        Ok(Some(Self {
            database: place.label(),
            key,
            info,
            groups,
        }))
    }

    fn labels(&self) -> [(&'static str, &str); 2] {
        [("db", &self.database), ("stream", &self.key)]
    }
}

fn name(of: &Reply) -> Option<&str> {
    of.field("name").and_then(Reply::as_text)
}

/// A field as a number: of an id (`1700000000000-0`) the milliseconds, of an entry those of its id.
fn number(of: &Reply, field: &str) -> Option<f64> {
    let value = of.field(field)?;
    let value = value.elements().first().unwrap_or(value);
    match value.as_text() {
        Some(id) => id.split('-').next()?.parse().ok(),
        None => value.as_number(),
    }
}

/// Asks for the streams of all places and writes what there is.
pub(crate) fn write(places: &[Place], reader: &mut Reader, batch: &mut Batch) -> Result<(), Error> {
    let mut streams = Vec::new();
    for place in places {
        for key in reader.keys(place)? {
            streams.extend(Stream::read(reader, place, key)?);
        }
    }
    if streams.is_empty() {
        return Ok(());
    }
    for (field, name, help) in STREAM {
        let mut family = batch.gauge(name, help);
        for stream in &streams {
            if let Some(value) = number(&stream.info, field) {
                family.sample(&stream.labels(), value);
            }
        }
    }
    let groups = || {
        streams.iter().flat_map(|stream| {
            let [database, key] = stream.labels();
            let groups = stream.groups.iter();
            groups.map(move |group| ([database, key, ("group", group.name.as_str())], group))
        })
    };
    for (field, name, help) in GROUP {
        let mut family = batch.gauge(name, help);
        for (labels, group) in groups() {
            if let Some(value) = number(&group.info, field) {
                family.sample(&labels, value);
            }
        }
    }
    for (field, family, divisor, help) in [
        (
            "pending",
            "redis_stream_group_consumer_messages_pending",
            1.0,
            "Entries that each consumer was given and has not acknowledged.",
        ),
        (
            "idle",
            "redis_stream_group_consumer_idle_seconds",
            1000.0,
            "How long ago each consumer last asked.",
        ),
    ] {
        let mut family = batch.gauge(family, help);
        for ([database, key, group_name], group) in groups() {
            for consumer in &group.consumers {
                if let (Some(name), Some(value)) = (name(consumer), number(consumer, field)) {
                    let labels = [database, key, group_name, ("consumer", name)];
                    family.sample(&labels, value / divisor);
                }
            }
        }
    }
    Ok(())
}
