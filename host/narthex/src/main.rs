//! The binary: it reads the command line, starts the parts in order, waits, and stops them.
//!
//! It is not: a place for logic. What a part does is in the part's crate; what a file here holds
//! is what puts the parts together.

mod alertmanager;
mod alerts;
mod block;
mod bucket_source;
mod bucket_store;
mod build_info;
mod check;
mod closed_pipe;
mod cluster;
mod compact;
mod config;
mod config_follower;
mod dashboards;
mod debug;
mod discovery;
mod explain;
mod external_url;
mod features;
mod flags;
mod fleet;
mod grpc;
mod kubernetes;
mod listen;
mod logging;
mod maintenance;
mod metrics_apis;
mod monitors;
mod object_store;
mod plugin;
mod plugins;
mod process;
mod prometheus_server;
mod promql;
mod promql_scripts;
mod push;
mod query;
mod query_range;
mod query_string;
mod receivers;
mod registry_follower;
mod reload;
mod remote_read;
mod remote_write;
mod rule_file;
mod rule_tests;
mod rules;
mod saved_queries;
mod server;
mod shell;
mod signals;
mod store;
mod tsdb;
mod web;
mod web_config;
mod yaml;

use std::process::ExitCode;

use anyhow::Context as _;
use narthex_plugin::{COMPILE_COMMAND, compile_child};

use crate::flags::{Command, CommandLine, TestCommand};

/// Queries make and drop columns of all sizes on several threads; the system's allocator spends
/// a sixth of a query on that, and keeps what threads leave behind.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a server exits with that cannot read its flags.
const USAGE_EXIT: u8 = 2;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == COMPILE_COMMAND) {
        // The child of a server, which compiles one plugin within limits of its own.
        return compile_child(&args.collect::<Vec<_>>());
    }
    if std::env::args().any(|arg| arg == shell::PAGE_FLAG) {
        return shell::print_page();
    }
    let line = match flags::parse(std::env::args()) {
        Ok(line) => line,
        Err(error) => return refused(&error),
    };
    if line.flags.command.is_some() {
        closed_pipe::end_quietly();
    }
    let done = match &line.flags.command {
        Some(Command::Test { junit, what }) => match what {
            TestCommand::Promql { files, output } => {
                promql_scripts::run(files, *output, junit.as_deref())
            }
            TestCommand::Rules(tests) => rule_tests::run(tests, junit.as_deref()),
        },
        Some(Command::Plugin { what }) => plugin::run(what),
        Some(Command::Tsdb { what }) => tsdb::run(what),
        Some(Command::Block { what }) => block::run(what),
        Some(Command::Alerts { what }) => alerts::run(what),
        Some(Command::Explain(explain)) => explain.run(),
        Some(Command::Silence { what }) => alerts::run_silence(what),
        Some(Command::Check { what }) => Ok(check::run(what)),
        Some(Command::Query { what }) => query::run(what),
        Some(Command::Promql { what }) => promql::run(what),
        Some(Command::Push { what }) => push::run(what),
        Some(Command::Compact(compact)) => compact.run(),
        Some(Command::Debug { what }) => debug::run(what),
        Some(Command::Completion(completion)) => completion.run(),
        Some(Command::Man(man)) => man.run(),
        None => serve(line),
    };
    done.unwrap_or_else(|error| {
        if let Some(code) = closed_pipe::exit_code(&error) {
            return code;
        }
        // The whole chain of causes, also where there is no log yet.
        eprintln!("narthex: {error:#}");
        ExitCode::FAILURE
    })
}

/// Says what is wrong with a command line, or helps. A server exits as Prometheus does, a command
/// as promtool.
fn refused(error: &clap::Error) -> ExitCode {
    // Who reads it may have left.
    let _ = error.print();
    let mut args = std::env::args_os();
    let is_tool = args
        .next()
        .is_some_and(|program| flags::is_tool(&program.to_string_lossy()));
    let is_command = args
        .next()
        .is_some_and(|first| !first.to_string_lossy().starts_with('-'));
    let is_command = is_command || is_tool;
    match (error.use_stderr(), is_command) {
        (false, _) => ExitCode::SUCCESS,
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(USAGE_EXIT),
    }
}

fn serve(line: CommandLine) -> anyhow::Result<ExitCode> {
    logging::start(line.flags.log_level, line.flags.log_format)?;
    // One provider for every TLS connection of the binary.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is installed already"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let served = runtime.block_on(server::run(line));
    // What still runs on other threads must not hold up the end; all that matters is closed.
    runtime.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}
