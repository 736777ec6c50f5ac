//! Turns components into machine code: in a child process that is limited, or, for tests, in this
//! one.
//!
//! A compiler is a large program that reads what a stranger wrote. In a child it can take no more
//! memory or time than it is given, and what goes wrong with it is one refused plugin. The child
//! is the host's own binary under another name, so both agree on every setting of the engine.
//!
//! It is not: what keeps the results (`cache`).

mod child;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use wasmtime::Engine;

pub use child::{COMPILE_COMMAND, compile_child};

use crate::error::PluginError;
use crate::limits::{
    COMPILE_ERROR_BYTES_MAX, COMPILE_MEMORY_MAX, COMPILE_PROCESSOR_TIME_MAX, COMPILE_TIMEOUT,
    COMPILED_BYTES_MAX, COMPILERS_MAX,
};

/// Signals that tell what a child ran into.
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// What one compilation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Bytes of address space.
    pub memory: u64,
    /// Time on a processor, in whole seconds.
    pub processor_time: Duration,
    /// Time on the wall, from the start to the last byte.
    pub timeout: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory: COMPILE_MEMORY_MAX,
            processor_time: COMPILE_PROCESSOR_TIME_MAX,
            timeout: COMPILE_TIMEOUT,
        }
    }
}

/// The program that compiles, and its limits.
#[derive(Debug, Clone)]
pub struct CompilerProgram {
    /// A program that hands its arguments to [`compile_child`] where the first one is
    /// [`COMPILE_COMMAND`].
    pub path: PathBuf,
    /// The limits of each run.
    pub limits: CompileLimits,
}

impl CompilerProgram {
    /// A program under the usual limits.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            limits: CompileLimits::default(),
        }
    }

    /// The program that is running; also after its file was replaced.
    pub fn running() -> Self {
        Self::new("/proc/self/exe")
    }
}

/// Compiles components, at most [`COMPILERS_MAX`] at once.
#[derive(Debug)]
pub(crate) struct Compiler {
    program: Option<CompilerProgram>,
    permits: Semaphore,
}

impl Compiler {
    pub(crate) fn new(program: Option<CompilerProgram>) -> Self {
        Self {
            program,
            permits: Semaphore::new(COMPILERS_MAX),
        }
    }

    /// The machine code of a component, for this engine and the like of it.
    pub(crate) async fn compile(
        &self,
        engine: &Engine,
        wasm: Bytes,
    ) -> Result<Vec<u8>, PluginError> {
        let permit = self.permits.acquire().await;
        let _permit = permit.map_err(|_| PluginError::Compile("stopped".to_owned()))?;
        match &self.program {
            Some(program) => program.run(&wasm).await,
            None => {
                let engine = engine.clone();
                let compiling = tokio::task::spawn_blocking(move || {
                    let compiled = engine.precompile_component(&wasm);
                    compiled.map_err(|error| PluginError::Component(format!("{error:#}")))
                });
                let failed = |error| PluginError::Compile(format!("the compiler failed: {error}"));
                compiling.await.map_err(failed)?
            }
        }
    }
}

impl CompilerProgram {
    async fn run(&self, wasm: &[u8]) -> Result<Vec<u8>, PluginError> {
        let path = self.path.display();
        let fault = |error| PluginError::Compile(format!("{path} cannot be run: {error}"));
        let child = Command::new(&self.path)
            .args(self.limits.arguments())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(fault)?;
        let talk = talk(&mut child, wasm);
        match tokio::time::timeout(self.limits.timeout, talk).await {
            Ok(Ok(outcome)) => self.judge(outcome),
            Ok(Err(error)) => Err(fault(error)),
            // The child is killed as it is dropped.
            Err(_) => Err(PluginError::Compile(format!(
                "it took longer than {} s",
                self.limits.timeout.as_secs_f64()
            ))),
        }
    }

    fn judge(&self, outcome: Outcome) -> Result<Vec<u8>, PluginError> {
        let Outcome {
            status,
            compiled,
            complaint,
        } = outcome;
        if compiled.len() as u64 > COMPILED_BYTES_MAX {
            let text = format!("the machine code has more than {COMPILED_BYTES_MAX} bytes");
            return Err(PluginError::Compile(text));
        }
        if status.success() {
            return Ok(compiled);
        }
        let complaint = complaint.trim();
        if status.code().is_some() && !complaint.is_empty() {
            return Err(PluginError::Component(complaint.to_owned()));
        }
        let limits = &self.limits;
        Err(PluginError::Compile(match status.signal() {
            Some(SIGXCPU | SIGKILL) => format!(
                "it took more than {} s of processor time",
                limits.processor_time.as_secs()
            ),
            Some(SIGABRT) if complaint.contains("memory allocation") => {
                format!("it took more than {} MiB of memory", limits.memory >> 20)
            }
            Some(SIGABRT) if complaint.contains("overflowed its stack") => {
                "it is nested too deeply".to_owned()
            }
            _ => format!("the compiler ended with {status}: {complaint}"),
        }))
    }
}

/// How a child ended.
struct Outcome {
    status: ExitStatus,
    /// At most one byte more than there may be.
    compiled: Vec<u8>,
    complaint: String,
}

async fn talk(child: &mut Child, wasm: &[u8]) -> std::io::Result<Outcome> {
    let (mut stdin, stdout, stderr) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(stdin) = &mut stdin {
            // A child that died says why by its status.
            let _ = stdin.write_all(wasm).await;
        }
        drop(stdin);
    };
    let (mut compiled, mut complaint) = (Vec::new(), Vec::new());
    let read = async {
        if let Some(stdout) = stdout {
            let mut stdout = stdout.take(COMPILED_BYTES_MAX + 1);
            stdout.read_to_end(&mut compiled).await?;
        }
        std::io::Result::Ok(())
    };
    let listen = async {
        if let Some(stderr) = stderr {
            let mut stderr = stderr.take(COMPILE_ERROR_BYTES_MAX);
            stderr.read_to_end(&mut complaint).await?;
        }
        std::io::Result::Ok(())
    };
    let ((), read, listened) = tokio::join!(write, read, listen);
    read.and(listened)?;
    Ok(Outcome {
        status: child.wait().await?,
        compiled,
        complaint: String::from_utf8_lossy(&complaint).into_owned(),
    })
}
