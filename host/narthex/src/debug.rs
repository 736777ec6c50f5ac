//! `narthex debug`: gathers what a server tells about itself into one file, for those who are to
//! find out what is wrong with it.
//!
//! It is not: the making of profiles, which a server does that has any.

mod archive;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use narthex_http::StatusCode;

use self::archive::Archive;
use crate::prometheus_server::{ClientArgs, PrometheusServer};

/// The file that is written, in the folder that the command runs in.
const ARCHIVE: &str = "debug.tar.gz";

/// The profiles of a server written in Go, each with the name that it gets.
const PROFILES: [(&str, &str); 7] = [
    ("/debug/pprof/threadcreate", "threadcreate.pb"),
    ("/debug/pprof/profile?seconds=30", "cpu.pb"),
    ("/debug/pprof/block", "block.pb"),
    ("/debug/pprof/goroutine", "goroutine.pb"),
    ("/debug/pprof/heap", "heap.pb"),
    ("/debug/pprof/mutex", "mutex.pb"),
    ("/debug/pprof/trace?seconds=30", "trace.pb"),
];

/// What every server tells.
const METRICS: [(&str, &str); 1] = [("/metrics", "metrics.txt")];

/// What can be gathered.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum DebugCommand {
    /// Fetch profiling debug information. A Prometheus has it; Narthex has none.
    Pprof(DebugArgs),
    /// Fetch metrics debug information.
    Metrics(DebugArgs),
    /// Fetch all debug information that the server has.
    All(DebugArgs),
}

/// From whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct DebugArgs {
    /// How to speak to the server.
    #[command(flatten)]
    client: ClientArgs,
    /// Prometheus server to get debug information from.
    #[arg(value_name = "SERVER")]
    server: String,
}

/// Gathers it into a file of this folder.
///
/// # Errors
/// A page cannot be had, or the file cannot be written.
pub(crate) fn run(command: &DebugCommand) -> anyhow::Result<ExitCode> {
    let (args, pages) = match command {
        DebugCommand::Pprof(args) => (args, PROFILES.to_vec()),
        DebugCommand::Metrics(args) => (args, METRICS.to_vec()),
        DebugCommand::All(args) => (args, [&PROFILES[..], &METRICS[..]].concat()),
    };
    let server = PrometheusServer::new(&args.server, &args.client, &[])?;
    let archive = gather(&server, &pages).context("error completing debug command")?;
    let path = PathBuf::from(ARCHIVE);
    write(&path, archive)?;
    println!("Compiling debug information complete, all files written in \"{ARCHIVE}\".");
    Ok(ExitCode::SUCCESS)
}

/// All pages that the server has; one at least.
fn gather(server: &PrometheusServer, pages: &[(&str, &str)]) -> anyhow::Result<Archive> {
    let mut archive = Archive::default();
    for (path, name) in pages {
        println!("collecting: {}{path}", server.base());
        let (status, page) = server.page(path)?;
        match status {
            StatusCode::OK => archive.add(name, &page)?,
            StatusCode::NOT_FOUND => eprintln!("the server has no {path}"),
            status => bail!("{path}: {status}"),
        }
    }
    if archive.is_empty() {
        bail!("the server has nothing of what was asked for");
    }
    Ok(archive)
}

fn write(path: &Path, archive: Archive) -> anyhow::Result<()> {
    let packed = archive.packed().context("packing")?;
    std::fs::write(path, packed).with_context(|| format!("writing {}", path.display()))
}
