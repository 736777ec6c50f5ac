//! What the operating system asks of the process.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are listened to.
#[derive(Debug)]
pub(crate) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// SIGXFSZ comes with a write beyond the largest file that this process may have. Unless
    /// somebody listens it ends the process; so the write fails like one on a full disk.
    _file_too_large: Signal,
}

/// SIGXFSZ, on all systems that we run on.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// What a signal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// SIGHUP: read the config again.
    Reload,
    /// SIGTERM or SIGINT: stop.
    Stop,
}

impl Signals {
    /// Listens from here on.
    ///
    /// # Errors
    /// The runtime cannot listen.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            _file_too_large: listen(FILE_TOO_LARGE)?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
        }
    }

    /// Waits for one that means to stop; others are forgotten.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }
}
