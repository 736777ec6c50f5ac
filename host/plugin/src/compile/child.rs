//! The child's side of compiling: limits itself, reads a component from its standard input, and
//! writes machine code to its standard output.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, nice, setrlimit};

use super::CompileLimits;
use crate::engine;
use narthex_registry::COMPONENT_BYTES_MAX;

/// The argument that makes the host's binary a compiler; two numbers follow, mebibytes and
/// seconds.
pub const COMPILE_COMMAND: &str = "plugin-compile";

/// How much the child gives way to others, the host among them.
const NICENESS: i32 = 10;

/// Files that the child may have open: the standard streams and what the system's allocator
/// looks up.
const FILES_MAX: u64 = 16;

impl CompileLimits {
    pub(super) fn arguments(&self) -> [String; 3] {
        [
            COMPILE_COMMAND.to_owned(),
            (self.memory >> 20).to_string(),
            self.processor_time.as_secs().to_string(),
        ]
    }

    fn from_arguments(arguments: &[OsString]) -> Option<Self> {
        let [memory, seconds] = arguments else {
            return None;
        };
        let mebibytes: u64 = memory.to_str()?.parse().ok()?;
        Some(Self {
            memory: mebibytes.checked_mul(1 << 20)?,
            processor_time: Duration::from_secs(seconds.to_str()?.parse().ok()?),
            ..Self::default()
        })
    }

    /// Holds for this process from now on, and cannot be taken back.
    fn apply(&self) -> io::Result<()> {
        let seconds = self.processor_time.as_secs();
        for (resource, most) in [
            (Resource::As, self.memory),
            (Resource::Cpu, seconds),
            (Resource::Core, 0),
            (Resource::Fsize, 0),
            (Resource::Nofile, FILES_MAX),
        ] {
            // The system ends the process outright a second after it was told.
            let grace = u64::from(resource == Resource::Cpu);
            let limit = Rlimit {
                current: Some(most),
                maximum: Some(most + grace),
            };
            setrlimit(resource, limit)?;
        }
        nice(NICENESS)?;
        Ok(())
    }
}

/// Compiles one component from standard input to standard output, within the limits that the
/// arguments behind [`COMPILE_COMMAND`] say. What is wrong goes to standard error.
pub fn compile_child(arguments: &[OsString]) -> ExitCode {
    match compile(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn compile(arguments: &[OsString]) -> Result<(), String> {
    let limits = CompileLimits::from_arguments(arguments)
        .ok_or_else(|| format!("{COMPILE_COMMAND}: expected mebibytes and seconds"))?;
    let fault = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    limits.apply().map_err(fault("the compiler's limits"))?;
    let mut wasm = Vec::new();
    io::stdin()
        .take(COMPONENT_BYTES_MAX)
        .read_to_end(&mut wasm)
        .map_err(fault("standard input"))?;
    let engine = engine::for_compiling().map_err(|error| error.to_string())?;
    let compiled = engine.precompile_component(&wasm);
    let compiled = compiled.map_err(|error| format!("{error:#}"))?;
    let mut output = io::stdout().lock();
    let written = output.write_all(&compiled).and_then(|()| output.flush());
    written.map_err(fault("standard output"))
}
