//! A plugin's log lines on their way into the host's log: at most so many a call, and none of
//! them long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use narthex_model::Clock;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::host::{Identity, Outside};
use crate::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_PER_CALL_MAX};
use crate::log_ring::{LogLine, LogRing};
use crate::metrics::{LogLabels, Metrics, PluginLabel};

/// A level that plugins log at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The log of one instance.
#[derive(Debug)]
pub(crate) struct PluginLog {
    plugin: String,
    job: String,
    ring: LogRing,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// Lines of the call under way, those that were dropped included.
    lines: AtomicU64,
}

impl PluginLog {
    pub(crate) fn new(identity: &Identity, outside: &Outside) -> Arc<Self> {
        Arc::new(Self {
            plugin: identity.plugin.clone(),
            job: identity.job.clone(),
            ring: identity.log.clone(),
            clock: outside.clock.clone(),
            metrics: outside.metrics.clone(),
            lines: AtomicU64::new(0),
        })
    }

    /// A call begins: it may write its own lines.
    pub(crate) fn begin_call(&self) {
        self.lines.store(0, Ordering::Relaxed);
    }

    /// A call ended: what it wrote too much is said in one line.
    pub(crate) fn end_call(&self) {
        let lines = self.lines.swap(0, Ordering::Relaxed);
        let dropped = lines.saturating_sub(LOG_LINES_PER_CALL_MAX.into());
        if dropped == 0 {
            return;
        }
        self.count_dropped(dropped);
        let (plugin, job) = (&self.plugin, &self.job);
        tracing::warn!(plugin, job, dropped, "plugin logged too much in one call");
    }

    fn count_dropped(&self, count: u64) {
        let label = PluginLabel {
            plugin: self.plugin.clone(),
        };
        let dropped = self.metrics.log_dropped.get_or_create(&label);
        dropped.inc_by(count);
    }

    /// The host refused something. The guest chose a part of the text, so it is bounded too.
    pub(crate) fn denied(&self, capability: &'static str, message: &str) {
        let mut reason = String::new();
        push_bounded(&mut reason, message);
        let (plugin, job) = (&self.plugin, &self.job);
        tracing::warn!(plugin, job, capability, reason, "plugin was denied a call");
        // The host's own word is there even where the plugin has written too much.
        self.ring.push(LogLine {
            time_ms: self.clock.now_ms(),
            level: Level::Warn.name(),
            job: self.job.clone(),
            message: format!("denied: {reason}"),
        });
    }

    /// One line.
    pub(crate) fn line(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let before = self.lines.fetch_add(1, Ordering::Relaxed);
        if before >= LOG_LINES_PER_CALL_MAX.into() {
            return;
        }
        let mut text = String::new();
        push_bounded(&mut text, message);
        for (name, value) in fields {
            push_bounded(&mut text, " ");
            push_bounded(&mut text, name);
            push_bounded(&mut text, "=");
            push_bounded(&mut text, value);
        }
        let is_taken = self.ring.push(LogLine {
            time_ms: self.clock.now_ms(),
            level: level.name(),
            job: self.job.clone(),
            message: text.clone(),
        });
        if !is_taken {
            return self.count_dropped(1);
        }
        let labels = LogLabels {
            plugin: self.plugin.clone(),
            level: level.name(),
        };
        self.metrics.log_messages.get_or_create(&labels).inc();
        let (plugin, job) = (&self.plugin, &self.job);
        match level {
            Level::Trace => tracing::trace!(plugin, job, text, "plugin"),
            Level::Debug => tracing::debug!(plugin, job, text, "plugin"),
            Level::Info => tracing::info!(plugin, job, text, "plugin"),
            Level::Warn => tracing::warn!(plugin, job, text, "plugin"),
            Level::Error => tracing::error!(plugin, job, text, "plugin"),
        }
    }
}

/// Appends as much as the bound allows, at a character's end, control characters escaped.
fn push_bounded(text: &mut String, more: &str) {
    for c in more.chars() {
        if text.len() + c.len_utf8() > LOG_LINE_BYTES_MAX {
            return;
        }
        match c.is_control() {
            true => text.extend(c.escape_default()),
            false => text.push(c),
        }
    }
}

/// Standard output or standard error of a plugin: its lines go into the log.
#[derive(Clone)]
pub(crate) struct StandardStream {
    pub(crate) log: Arc<PluginLog>,
    pub(crate) level: Level,
}

impl IsTerminal for StandardStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StandardStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines {
            stream: self.clone(),
            unfinished: Vec::new(),
        })
    }
}

/// Cuts bytes into lines.
struct Lines {
    stream: StandardStream,
    unfinished: Vec<u8>,
}

impl Lines {
    fn finish(&mut self) {
        if !self.unfinished.is_empty() {
            let line = String::from_utf8_lossy(&self.unfinished).into_owned();
            self.stream
                .log
                .line(self.stream.level, line.trim_end(), &[]);
            self.unfinished.clear();
        }
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LOG_LINE_BYTES_MAX.saturating_sub(self.unfinished.len());
            let kept = part.get(..room).unwrap_or(part);
            self.unfinished.extend_from_slice(kept);
            if part.ends_with(b"\n") {
                self.finish();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.finish();
    }
}
