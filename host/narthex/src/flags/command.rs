//! The subcommands: what the binary does besides serving.
//!
//! It is not: their arguments, which stand with what they do.

use std::path::PathBuf;

use clap::Subcommand;

use crate::alerts::{AlertsCommand, SilenceCommand};
use crate::block::BlockCommand;
use crate::check::CheckCommand;
use crate::compact::Compact;
use crate::debug::DebugCommand;
use crate::explain::Explain;
use crate::plugin::PluginCommand;
use crate::promql::PromqlCommand;
use crate::push::PushCommand;
use crate::query::QueryCommand;
use crate::rule_tests::RuleTests;
use crate::shell::{Completion, Man};
use crate::tsdb::{Output, TsdbCommand};

/// What the binary does besides serving.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Run tests.
    Test {
        /// File to write what became of the tests of rules to, in JUnit's XML.
        #[arg(long, global = true, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Of what.
        #[command(subcommand)]
        what: TestCommand,
    },
    /// Write, build, publish and install plugins.
    Plugin {
        /// What to do.
        #[command(subcommand)]
        what: PluginCommand,
    },
    /// Work on a store.
    Tsdb {
        /// What to do.
        #[command(subcommand)]
        what: TsdbCommand,
    },
    /// Work on a block.
    Block {
        /// What to do.
        #[command(subcommand)]
        what: BlockCommand,
    },
    /// Look at alerts and at how they are routed.
    Alerts {
        /// What to do.
        #[command(subcommand)]
        what: AlertsCommand,
    },
    /// Say why a monitor of the Prometheus Operator has no targets.
    Explain(Explain),
    /// Look at silences, and change them.
    Silence {
        /// What to do.
        #[command(subcommand)]
        what: SilenceCommand,
    },
    /// Check files before a server reads them.
    Check {
        /// Of what kind.
        #[command(subcommand)]
        what: CheckCommand,
    },
    /// Ask a server by its API.
    Query {
        /// For what.
        #[command(subcommand)]
        what: QueryCommand,
    },
    /// Format and change PromQL expressions.
    Promql {
        /// What to do.
        #[command(subcommand)]
        what: PromqlCommand,
    },
    /// Push to a server.
    Push {
        /// What.
        #[command(subcommand)]
        what: PushCommand,
    },
    /// Compact the blocks of a bucket, make coarser ones of them, and remove what is old.
    Compact(Compact),
    /// Fetch debug information.
    Debug {
        /// Which.
        #[command(subcommand)]
        what: DebugCommand,
    },
    /// Print the script by which a shell completes commands and flags.
    Completion(Completion),
    /// Write the pages of the manual, one for each command, into a folder.
    Man(Man),
}

/// What can be tested.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TestCommand {
    /// Unit tests for rules.
    Rules(RuleTests),
    /// Run PromQL test scripts, in the language of Prometheus' promqltest.
    Promql {
        /// The scripts.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
    },
}
