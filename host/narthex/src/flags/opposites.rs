//! `--no-FLAG` beside each `--FLAG` of a command that takes no value, as Prometheus' tools have it:
//! the last one counts.
//!
//! It is not: the flags of the server, which have theirs where they stand.

use clap::{Arg, ArgAction, Command};

/// A command line whose commands have them. They are not shown.
pub(super) fn of_commands(command: Command) -> Command {
    command.mut_subcommands(|command| of_commands(with_opposites(command)))
}

fn with_opposites(command: Command) -> Command {
    let has = |long: &str| {
        command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(long))
    };
    let mut opposites = Vec::new();
    for arg in command.get_arguments() {
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let Some(long) = arg.get_long().filter(|_| is_switch) else {
            continue;
        };
        let opposite = format!("no-{long}");
        if long.starts_with("no-") || has(&opposite) {
            continue;
        }
        opposites.push(
            Arg::new(opposite.clone())
                .long(opposite)
                .hide(true)
                .global(arg.is_global_set())
                .action(ArgAction::SetTrue)
                .overrides_with(arg.get_id().clone()),
        );
    }
    command.args(opposites)
}

#[cfg(test)]
mod tests {
    use super::super::tests::parsed;
    use super::super::{Command, TestCommand};

    #[test]
    fn the_last_of_a_switch_and_its_opposite_counts() {
        for (args, expected) in [
            (&["--diff"][..], true),
            (&["--no-diff"], false),
            (&["--diff", "--no-diff"], false),
            (&["--no-diff", "--diff"], true),
        ] {
            let args = [&["test", "rules"][..], args, &["a.yml"]].concat();
            let command = parsed(&args).unwrap().flags.command;
            let Some(Command::Test {
                what: TestCommand::Rules(tests),
                ..
            }) = &command
            else {
                panic!("{args:?}: {command:?}");
            };
            let shown = format!("{tests:?}");
            let diff = format!("diff: {expected}");
            assert!(shown.contains(&diff), "{args:?}: {shown}");
        }
    }

    #[test]
    fn a_flag_with_a_value_has_no_opposite_and_those_of_all_below_have() {
        let refused = ["check", "rules", "--no-lint", "a.yml"];
        assert!(parsed(&refused).is_err());
        for args in [
            &[
                "tsdb",
                "create-blocks-from",
                "--no-quiet",
                "openmetrics",
                "a",
            ][..],
            &[
                "tsdb",
                "create-blocks-from",
                "openmetrics",
                "--no-human-readable",
                "a",
            ],
            &["silence", "add", "--no-require-comment", "a=b"],
            &["check", "config", "--no-agent", "--no-lint-fatal", "a.yml"],
        ] {
            assert!(parsed(args).is_ok(), "{args:?}");
        }
    }
}
