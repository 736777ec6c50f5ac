//! Starts the binary with a folder of its own, and talks to it over plain sockets.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to rest between two looks.
const REST: Duration = Duration::from_millis(50);

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(REST);
    }
}

/// A running process.
pub(crate) struct Narthex {
    child: Child,
    folder: TempDir,
    address: String,
}

impl Narthex {
    /// Starts one and waits until it is ready; without a config, with the embedded one.
    pub(crate) fn start(config: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_narthex"));
        command
            .current_dir(folder.path())
            .arg("--web.listen-address=127.0.0.1:0")
            .arg("--web.enable-lifecycle")
            .stderr(log);
        if let Some(config) = config {
            std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
            command.arg("--config.file=prometheus.yml");
        }
        let mut narthex = Self {
            child: command.spawn().unwrap(),
            folder,
            address: String::new(),
        };
        // The port is the system's to choose, and the log says which it was.
        narthex.address = until("the server is ready", || {
            assert!(
                narthex.child.try_wait().unwrap().is_none(),
                "{}",
                narthex.log()
            );
            let log = narthex.log();
            let (_, rest) = log.split_once("ready to receive web requests address=")?;
            let (address, _) = rest.split_once('\n')?;
            Some(address.to_owned())
        });
        narthex
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        let path: PathBuf = self.folder.path().join("log");
        std::fs::read_to_string(path).unwrap()
    }

    /// Replaces its config file.
    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(self.folder.path().join("prometheus.yml"), text).unwrap();
    }

    /// The body of an answer with status 200.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let (status, body) = self.request("GET", path)?;
        (status == 200).then_some(body)
    }

    /// The status and the body.
    pub(crate) fn post(&self, path: &str) -> Option<(u16, String)> {
        self.request("POST", path)
    }

    fn request(&self, method: &str, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // HTTP/1.0, so that the answer ends where the connection does.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Sends SIGTERM; the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end; the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let child = &mut self.child;
        until("the process ends", || child.try_wait().unwrap()).code()
    }
}

impl Drop for Narthex {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
