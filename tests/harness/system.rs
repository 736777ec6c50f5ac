//! The servers that are compared: how each is started, and what it says of its state.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::usage::bytes_below;
use crate::{Process, binary, free_port, http, until};

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum System {
    Narthex,
    Prometheus,
    VictoriaMetrics,
}

impl System {
    /// In the order in which they are run.
    pub const ALL: [Self; 3] = [Self::Narthex, Self::Prometheus, Self::VictoriaMetrics];

    /// Of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Narthex => "narthex",
            Self::Prometheus => "prometheus",
            Self::VictoriaMetrics => "victoria-metrics",
        }
    }

    fn program(self) -> PathBuf {
        match self {
            Self::Narthex => binary(),
            Self::Prometheus | Self::VictoriaMetrics => self.name().into(),
        }
    }

    fn args(self, port: u16, folder: &Path, config: &Path) -> Vec<String> {
        let (data, config) = (folder.join("data"), config.display());
        let data = data.display();
        match self {
            Self::Narthex | Self::Prometheus => vec![
                format!("--config.file={config}"),
                format!("--storage.tsdb.path={data}"),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--web.enable-remote-write-receiver".to_owned(),
            ],
            Self::VictoriaMetrics => vec![
                format!("-promscrape.config={config}"),
                format!("-storageDataPath={data}"),
                format!("-httpListenAddr=127.0.0.1:{port}"),
                "-retentionPeriod=100y".to_owned(),
                "-search.latencyOffset=0s".to_owned(),
                // Its own bound of 300,000 is below what the benchmarks ask of all three.
                "-search.maxUniqueTimeseries=10000000".to_owned(),
            ],
        }
    }
}

/// A server that runs, and takes remote write at `/api/v1/write`.
#[derive(Debug)]
pub struct Running {
    /// Which it is.
    pub system: System,
    process: Process,
    port: u16,
    folder: PathBuf,
    config: PathBuf,
    flags: Vec<String>,
}

impl Running {
    /// Starts a server with a config in a folder of its own, and waits until it is ready.
    ///
    /// # Panics
    /// It did not become ready.
    pub fn start(system: System, folder: &Path, config: &str) -> Self {
        Self::start_with(system, folder, config, Vec::new())
    }

    /// As [`Running::start`], with more flags.
    ///
    /// # Panics
    /// As [`Running::start`].
    pub fn start_with(system: System, folder: &Path, config: &str, flags: Vec<String>) -> Self {
        let folder = folder.join(system.name());
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.yml");
        std::fs::write(&file, config).unwrap();
        let port = free_port();
        let mut args = system.args(port, &folder, &file);
        args.extend_from_slice(&flags);
        let process = Process::start(system.program(), &args, &folder.join("log"));
        let mut running = Self {
            system,
            process,
            port,
            folder,
            config: file,
            flags,
        };
        running.wait_until_ready();
        running
    }

    /// Kills it (SIGKILL) and starts it again with nothing to scrape; waits until it is ready.
    ///
    /// # Panics
    /// As [`Running::start`].
    pub fn restart_idle(&mut self) {
        self.process.kill();
        std::fs::write(&self.config, "global: {}\n").unwrap();
        self.start_again();
    }

    /// Asks it to end (SIGTERM), and says how long that took.
    ///
    /// # Panics
    /// It does not end, or not well.
    pub fn terminate(&mut self) -> Duration {
        let asked = Instant::now();
        let status = self.process.terminate();
        assert!(status.success(), "{}: {status}", self.system.name());
        asked.elapsed()
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, after its end, and says how long it took until it was ready.
    ///
    /// # Panics
    /// As [`Running::start`].
    pub fn start_again(&mut self) -> Duration {
        let mut args = self.system.args(self.port, &self.folder, &self.config);
        args.extend_from_slice(&self.flags);
        let log = self.folder.join("log");
        let asked = Instant::now();
        self.process = Process::start(self.system.program(), &args, &log);
        self.wait_until_ready();
        asked.elapsed()
    }

    fn wait_until_ready(&mut self) {
        let path = match self.system {
            System::Narthex | System::Prometheus => "/-/ready",
            System::VictoriaMetrics => "/health",
        };
        let url = format!("{}{path}", self.url());
        until(300, &url, || {
            self.process.check_running()?;
            match http::get(&url)? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        });
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Bytes of all files of its data.
    pub fn disk_bytes(&self) -> u64 {
        bytes_below(&self.data())
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A line of its own metrics that has no labels.
    ///
    /// # Errors
    /// It does not answer, or has no such line.
    pub fn gauge(&self, name: &str) -> Result<f64, String> {
        http::gauge(&self.url(), name)
    }
}
