//! Other programs, started and stopped by their pid.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use rand::RngExt;

use crate::until;

/// Where ports are sought: the usual system gives to clients those above.
const PORTS: Range<u16> = 15_000..32_000;

/// Where they are sought on a system that gives to clients those in [`PORTS`] as well.
const PORTS_BELOW: Range<u16> = 2_000..15_000;

/// The ports that this process has taken, each by a lock on a file.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port on the loopback interface that nobody listens on, that no client is given, and that no
/// other test takes as long as this process runs: the programs of tests lock a file for each.
pub fn free_port() -> u16 {
    let locks = std::env::current_exe().unwrap();
    let locks = locks.with_file_name("ports");
    std::fs::create_dir_all(&locks).unwrap();
    let ports = ports();
    let mut random = rand::rng();
    loop {
        let port = random.random_range(ports.clone());
        let lock = File::create(locks.join(port.to_string())).unwrap();
        let place = ("127.0.0.1", port);
        let is_free = TcpListener::bind(place).is_ok() && UdpSocket::bind(place).is_ok();
        if !is_free || lock.try_lock().is_err() {
            continue;
        }
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(lock);
        return port;
    }
}

/// The ports that clients are not given.
fn ports() -> Range<u16> {
    let clients = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let clients = clients.unwrap_or_default();
    let first: Option<u16> = clients
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok());
    match first {
        Some(first) if first < PORTS.start + 2_000 => PORTS_BELOW,
        Some(first) => PORTS.start..PORTS.end.min(first),
        None => PORTS,
    }
}

/// Runs a program to its end, and says what it printed.
///
/// # Panics
/// It fails: then with what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?} (run tests/run): {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A running program; it is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints goes to `log`.
    ///
    /// # Panics
    /// The program is not there; `tests/run` installs all that the tests start.
    pub fn start(program: impl AsRef<Path>, args: &[String], log: &Path) -> Self {
        let program = program.as_ref();
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error} (run tests/run)", program.display()));
        Self {
            child,
            log: log.to_path_buf(),
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Fails where the program has ended, with what it printed.
    ///
    /// # Errors
    /// The end of its log.
    pub fn check_running(&mut self) -> Result<(), String> {
        match self.child.try_wait().unwrap() {
            None => Ok(()),
            Some(status) => Err(format!("ended with {status}: {}", self.log())),
        }
    }

    /// Kills it at once (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal, by its name: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args([format!("-{name}"), pid])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Asks it to end (SIGTERM) and waits.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        until(120, "a clean end", || {
            match self.child.try_wait().unwrap() {
                Some(status) => Ok(status),
                None => Err(self.log()),
            }
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
