//! Which flags belong to a server, and which to an agent.

use clap::ArgMatches;

use super::is_given;

/// What the flags begin with that an agent has no use for.
const SERVER_ONLY: &[&str] = &[
    "alertmanager.",
    "cluster.",
    "grpc",
    "query.",
    "rules.",
    "store.",
    "storage.object-store.",
    "storage.remote.read-",
    "storage.tsdb.",
];

/// What the flags begin with that only an agent has a use for.
const AGENT_ONLY: &[&str] = &["storage.agent."];

/// Says which flags do not go with the mode, in Prometheus' words.
pub(super) fn check(
    command: &clap::Command,
    matches: &ArgMatches,
    is_agent: bool,
) -> Result<(), String> {
    let (wrong, only) = match is_agent {
        true => (SERVER_ONLY, "can not be used in agent mode"),
        false => (AGENT_ONLY, "can only be used in agent mode"),
    };
    let args = command.get_arguments().filter_map(|arg| {
        let name = arg.get_long()?;
        let plain = name.strip_prefix("no-").unwrap_or(name);
        let is_wrong = wrong.iter().any(|prefix| plain.starts_with(prefix));
        let is_wrong = is_wrong && is_given(matches, arg.get_id().as_str());
        is_wrong.then(|| format!("\"--{name}\""))
    });
    let args: Vec<String> = args.collect();
    match args.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "The following flag(s) {only}: [{}]",
            args.join(" ")
        )),
    }
}
