//! The flag that shares targets out: which share of every job's targets this server has.
//!
//! It is not: the sharing itself, which [`crate::config`] puts into the jobs as relabelling.

use std::str::FromStr;

use clap::Args;

/// So many servers may share the targets.
const SHARDS_MAX: u64 = 1024;

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScrapeFlags {
    /// Which share of the targets of every job is scraped, SHARD/SHARDS: with 0/3 the first of three.
    /// SHARD may be a name that ends in a number, such as that of a StatefulSet's pod. Targets with
    /// the label __tmp_disable_sharding are everybody's. Prometheus has no such flag.
    #[arg(long = "scrape.shard", value_name = "SHARD/SHARDS")]
    pub(crate) share: Option<TargetShare>,
}

/// The share of a server in the targets of every job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetShare {
    /// Which of them, from 0 on; less than `shards`.
    pub(crate) shard: u64,
    /// So many servers share the targets, at least one.
    pub(crate) shards: u64,
}

impl FromStr for TargetShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || "a share is SHARD/SHARDS, such as 0/3 or narthex-0/3".to_owned();
        let (shard, shards) = text.split_once('/').ok_or_else(form)?;
        let shards = number(shards).ok_or_else(form)?;
        let shard = number(shard)
            .or_else(|| number_of_pod(shard))
            .ok_or_else(form)?;
        if shards == 0 || shards > SHARDS_MAX {
            return Err(format!("targets are shared by 1 to {SHARDS_MAX} servers"));
        }
        if shard >= shards {
            return Err(format!("with {shards} shards they are 0 to {}", shards - 1));
        }
        Ok(Self { shard, shards })
    }
}

/// A number of digits alone: no sign, which `u64` would take, and no space.
fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// The number of a pod of a StatefulSet, whose name is that of the set, a hyphen and the number. A set's
/// name begins and ends with a letter or a digit, so that a sign before a number is no hyphen after a name.
fn number_of_pod(pod: &str) -> Option<u64> {
    let (set, text) = pod.rsplit_once('-')?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: u8| is_plain(byte) || matches!(byte, b'-' | b'.');
    let (first, last) = (set.bytes().next()?, set.bytes().next_back()?);
    let is_name = is_plain(first) && is_plain(last) && set.bytes().all(is_inner);
    is_name.then(|| number(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_or_the_name_of_a_pod() {
        for (text, shard, shards) in [
            ("0/1", 0, 1),
            ("2/3", 2, 3),
            ("narthex-2/3", 2, 3),
            ("my-metrics-10/1024", 10, 1024),
            ("eu.metrics2-0/1", 0, 1),
        ] {
            let expected = TargetShare { shard, shards };
            assert_eq!(text.parse::<TargetShare>(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for (text, reason) in [
            ("", "a share is"),
            ("1", "a share is"),
            ("/3", "a share is"),
            ("narthex/3", "a share is"),
            ("narthex-a/3", "a share is"),
            ("1/three", "a share is"),
            // A sign is no hyphen of a pod's name: this was read as the second of three.
            ("-1/3", "a share is"),
            ("--1/3", "a share is"),
            ("narthex--1/3", "a share is"),
            ("+1/3", "a share is"),
            ("1/+3", "a share is"),
            ("1/-3", "a share is"),
            ("1/", "a share is"),
            (" 1/3", "a share is"),
            ("1 /3", "a share is"),
            ("1/ 3", "a share is"),
            ("1/3 ", "a share is"),
            ("narthex 1/3", "a share is"),
            (" narthex-1/3", "a share is"),
            ("narthex-1 /3", "a share is"),
            ("Narthex-1/3", "a share is"),
            ("1/3/3", "a share is"),
            ("1.0/3", "a share is"),
            ("0/18446744073709551616", "a share is"),
            ("0/0", "1 to 1024"),
            ("1/0", "1 to 1024"),
            ("narthex-0/0", "1 to 1024"),
            ("0/1025", "1 to 1024"),
            ("3/3", "0 to 2"),
            ("narthex-3/3", "0 to 2"),
            ("1/1", "0 to 0"),
        ] {
            let error = text.parse::<TargetShare>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
