//! `/proc/mdstat`: software RAID.

use narthex_sdk::{Batch, Error};

use crate::Machine;

/// The states that an array can be in.
const STATES: [&str; 5] = ["active", "check", "inactive", "recovering", "resync"];

/// An array.
#[derive(Debug, Default, PartialEq)]
struct Array {
    device: String,
    state: &'static str,
    required: u64,
    active: u64,
    failed: u64,
    spare: u64,
    blocks: u64,
    blocks_synced: u64,
}

/// The end of a family's name, its help, and its value.
type Column = (&'static str, &'static str, fn(&Array) -> u64);

/// Reads and writes every array; most machines have none, and no file either.
pub(crate) fn collect(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let arrays = parse(&machine.proc("mdstat")?);
    let mut disks = batch.gauge("node_md_disks", "Disks of the array, by state.");
    for array in &arrays {
        for (state, count) in [
            ("active", array.active),
            ("failed", array.failed),
            ("spare", array.spare),
        ] {
            disks.sample(&[("device", &array.device), ("state", state)], count as f64);
        }
    }
    let columns: [Column; 3] = [
        ("disks_required", "Disks that the array needs.", |a| {
            a.required
        }),
        ("blocks", "Blocks of the array.", |a| a.blocks),
        ("blocks_synced", "Blocks that are in step.", |a| {
            a.blocks_synced
        }),
    ];
    for (name, help, value) in columns {
        let mut family = batch.gauge(&format!("node_md_{name}"), help);
        for array in &arrays {
            family.sample(&[("device", &array.device)], value(array) as f64);
        }
    }
    let mut family = batch.gauge("node_md_state", "Whether the array is in this state.");
    for array in &arrays {
        for state in STATES {
            let value = f64::from(u8::from(array.state == state));
            family.sample(&[("device", &array.device), ("state", state)], value);
        }
    }
    Ok(())
}

fn parse(text: &str) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    for line in text.lines() {
        if line.starts_with("md") {
            arrays.extend(parse_head(line));
        } else if let (true, Some(array)) = (line.starts_with(' '), arrays.last_mut()) {
            parse_detail(line, array);
        }
    }
    arrays
}

/// `md0 : active raid1 sdb1[1] sda1[0](F)`
fn parse_head(line: &str) -> Option<Array> {
    let (device, rest) = line.split_once(" : ")?;
    let mut fields = rest.split_ascii_whitespace();
    let state = match fields.next()? {
        "active" => "active",
        _ => "inactive",
    };
    let disks: Vec<&str> = fields.filter(|field| field.contains('[')).collect();
    let marked = |mark: &str| disks.iter().filter(|disk| disk.ends_with(mark)).count() as u64;
    let (failed, spare) = (marked("(F)"), marked("(S)"));
    let active = disks.len() as u64 - failed - spare;
    Some(Array {
        device: device.to_owned(),
        state,
        required: active,
        active,
        failed,
        spare,
        ..Array::default()
    })
}

/// `  1000 blocks super 1.2 [2/1] [U_]`, or how far a recovery is:
/// `  [=>..]  recovery =  8.5% (16775552/195310144) finish=17.0min`
fn parse_detail(line: &str, array: &mut Array) {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if let [blocks, "blocks", ..] = fields[..] {
        array.blocks = blocks.parse().unwrap_or_default();
        array.blocks_synced = array.blocks;
        let pair = |field: &&str| {
            let (required, active) = field
                .strip_prefix('[')?
                .strip_suffix(']')?
                .split_once('/')?;
            Some((required.parse().ok()?, active.parse().ok()?))
        };
        if let Some((required, active)) = fields.iter().find_map(pair) {
            (array.required, array.active) = (required, active);
        }
        return;
    }
    for (word, state) in [
        ("recovery", "recovering"),
        ("resync", "resync"),
        ("check", "check"),
    ] {
        // `resync=PENDING` says nothing of how far it is.
        if fields
            .iter()
            .any(|field| field.split('=').next() == Some(word))
        {
            array.state = state;
            let done = fields.iter().find_map(|field| {
                let (done, _) = field.strip_prefix('(')?.split_once('/')?;
                done.parse().ok()
            });
            array.blocks_synced = done.unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_whole_broken_and_under_repair() {
        let text = "\
Personalities : [raid1] [raid6]
md0 : active raid1 sdb1[1] sda1[0]
      1000 blocks super 1.2 [2/2] [UU]

md1 : active raid6 sdc[2](F) sdd[3](S) sde[4] sdf[5]
      2000 blocks level 6, 64k chunk, algorithm 2 [4/2] [__UU]
      [=>....]  recovery =  8.5% (170/2000) finish=17.0min speed=1K/sec

md2 : inactive sdg[0](S)
      30 blocks

md3 : active raid0 sdh[0] sdi[1]
      40 blocks 64k chunks
      resync=PENDING

unused devices: <none>
";
        let table: Vec<_> = parse(text)
            .iter()
            .map(|a| {
                let disks = [a.required, a.active, a.failed, a.spare];
                (
                    a.device.clone(),
                    a.state,
                    disks,
                    [a.blocks, a.blocks_synced],
                )
            })
            .collect();
        assert_eq!(
            table,
            [
                ("md0".to_owned(), "active", [2, 2, 0, 0], [1000, 1000]),
                ("md1".to_owned(), "recovering", [4, 2, 1, 1], [2000, 170]),
                ("md2".to_owned(), "inactive", [0, 0, 0, 1], [30, 30]),
                ("md3".to_owned(), "resync", [2, 2, 0, 0], [40, 0]),
            ]
        );
    }
}
