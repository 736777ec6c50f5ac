//! Where the log goes and how it looks: logfmt-like lines or JSON, on standard error.

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::flags::{LogFormat, LogLevel};

/// Crates that say much at `debug` that only their authors want to know.
const NOISY: &str = "h2=info,hyper=info,hyper_util=info,reqwest=info,rustls=info,\
                     wasmtime=info,cranelift_codegen=info,regalloc2=info";

/// Starts the log. It is called once, before anything is logged.
pub(crate) fn start(level: LogLevel, format: LogFormat) -> anyhow::Result<()> {
    let level = level.as_str();
    let filter = EnvFilter::try_new(format!("{level},{NOISY}")).context("the log filter")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(false);
    let started = match format {
        LogFormat::Logfmt => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
